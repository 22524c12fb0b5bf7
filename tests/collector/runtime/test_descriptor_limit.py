"""The limit on descriptors is raised, and limits the concurrency."""

import resource

import pytest

from sockfleet.collector.runtime.descriptor_limit import (
    DescriptorError,
    concurrency_within,
    raise_descriptor_limit,
)


def test_the_soft_limit_is_raised_to_the_hard_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert raise_descriptor_limit() == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_on_descriptors_limits_the_concurrency():
    assert concurrency_within(1024, 500) == 500
    assert concurrency_within(256, 500) == 192
    assert concurrency_within(resource.RLIM_INFINITY, 500) == 500
    with pytest.raises(DescriptorError, match="limit on open files is 64"):
        concurrency_within(64, 1)

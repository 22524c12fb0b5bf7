"""What the probe reads of the kernel: its cache holds the values of kernels alone."""

from __future__ import annotations

from sockfleet.collector.probe.kernel import _parse_settings, parse_kernel
from sockfleet.collector.probe.labels import OSRELEASE, TCP_MAX_ORPHANS


def test_a_host_that_prints_new_long_settings_each_round_does_not_fill_the_cache() -> None:
    _parse_settings.cache_clear()
    for number in range(100):
        sections = {OSRELEASE: b"%0*d" % (1000, number), TCP_MAX_ORPHANS: b"4096"}
        assert parse_kernel(sections).tcp_max_orphans == 4096
    assert _parse_settings.cache_info().currsize == 0


def test_the_settings_of_a_kernel_are_cached() -> None:
    _parse_settings.cache_clear()
    first, second = (parse_kernel({OSRELEASE: b"6.1.0-26-amd64"}) for _ in range(2))
    assert first == second
    assert _parse_settings.cache_info().hits == 1

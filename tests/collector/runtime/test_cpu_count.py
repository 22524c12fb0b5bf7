"""`usable_cpus` is the affinity, limited by the quotas of the control groups."""

import os

import pytest

from sockfleet.collector.runtime import cpu_count
from sockfleet.collector.runtime.cpu_count import usable_cpus


def test_without_a_quota_it_is_the_affinity(mocker):
    mocker.patch.object(cpu_count, "_read_quotas", return_value=[])
    assert usable_cpus() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "quotas"),
    [
        ({}, []),
        ({"cpu.max": "max 100000\n"}, []),
        ({"cpu.max": "150000 100000\n"}, [2]),
        ({"a/b/cpu.max": "50000 100000", "a/cpu.max": "400000 100000"}, [1, 4]),
        ({"cpu.max": "garbage"}, []),
        ({"cpu.max": "1 0"}, []),
        ({"cpu.max": "\xff"}, []),
    ],
)
def test_quotas_are_those_of_the_group_and_all_above_it(tmp_path, files, quotas):
    own = tmp_path / "cgroup"
    own.write_text("1:name=systemd:/x\n0::/a/b\n")
    for name, text in files.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("latin-1"))
    assert cpu_count._read_quotas(own, tmp_path / "groups") == quotas


def test_no_quota_without_control_groups(tmp_path):
    assert cpu_count._read_quotas(tmp_path / "missing", tmp_path) == []


@pytest.mark.parametrize(("quotas", "expected"), [([1], 1), ([64], 8), ([3, 2], 2)])
def test_the_lowest_of_affinity_and_quotas_counts(mocker, quotas, expected):
    mocker.patch.object(cpu_count, "_read_quotas", return_value=quotas)
    mocker.patch("os.sched_getaffinity", return_value=set(range(8)))
    assert usable_cpus() == expected

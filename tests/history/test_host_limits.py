"""What a number of a host counts against."""

from __future__ import annotations

import pytest

from sockfleet.collector.probe.processes import Process
from sockfleet.history.host_limits import holder_limits, kernel_limits, namespace_limits
from sockfleet.history.store.subjects import HostFacts
from sockfleet.history.trends.forecast import Limit
from tests.support.history.made_scans import host_summary, namespaces_of


def facts(**fields):
    return HostFacts(name="a", latest={"tcp_close": 100, "alloc": 300, "orphan": 2}, **fields)


@pytest.mark.parametrize(("metric", "at"), [("tcp_close", 1100), ("alloc", 1300)])
def test_file_max_is_met_once_the_machine_has_no_open_file_left(metric, at):
    fact = facts(file_max=5000, file_nr=4000)
    assert kernel_limits(metric, fact) == (Limit(name="file-max", value=at),)


@pytest.mark.parametrize(
    "fields",
    [
        {"file_max": 2**63 - 1, "file_nr": 4000},
        {"file_max": 5000},
        {"file_nr": 4000},
    ],
)
def test_without_a_limit_or_the_open_files_there_is_no_limit(fields):
    assert kernel_limits("tcp_close", facts(**fields)) == ()


def test_a_machine_beyond_its_limit_is_at_it():
    fact = facts(file_max=5000, file_nr=5001)
    assert kernel_limits("tcp_close", fact) == (Limit(name="file-max", value=100),)


def test_memory_and_orphans_have_limits_of_their_own():
    fact = facts(tcp_mem=(1, 2, 3), tcp_max_orphans=64, file_max=5000, file_nr=1)
    assert kernel_limits("mem_pages", fact) == (Limit(name="tcp_mem", value=3),)
    assert kernel_limits("orphan", fact) == (Limit(name="tcp_max_orphans", value=64),)


def test_the_holder_of_most_closed_sockets_meets_its_descriptor_limit():
    within = namespaces_of({"x.service": 40})
    php = Process(
        pid=9,
        command="php",
        namespace=within[1].inode,
        tcp_close=40,
        open_files=1000,
        open_files_limit=1024,
    )
    host = host_summary("a", 50, processes=(php,), namespaces=within)
    limit = "open files of php (9)"
    assert holder_limits("tcp_close", host) == (Limit(name=limit, value=74),)
    assert holder_limits("mem_pages", host) == ()
    inode = within[1].inode
    assert namespace_limits("tcp_close", host, inode) == (Limit(name=limit, value=64),)
    assert namespace_limits("sockets_used", host, inode) == (Limit(name=limit, value=94),)
    assert namespace_limits("tcp_close", host, within[0].inode) == ()

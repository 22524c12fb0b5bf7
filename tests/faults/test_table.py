"""Each fault next to good hosts, through both transports, as a scan meets it.

A fault gets its category and phase, ends within its time limit, takes little memory and leaves
nothing behind on this machine; the good hosts are read with the right numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sockfleet.collector.errors import Phase
from sockfleet.collector.outcome import HostFailure, HostReading
from sockfleet.simulator.scenario.faults import Fault
from tests.support.ssh.fault_scans import assert_read, measure_good_hosts, scan_fault
from tests.support.ssh.fault_servers import GOOD, Places, all_places
from tests.support.ssh.fault_table import ROWS, SIMULATED, case
from tests.support.ssh.over_ssh import nothing_is_left

pytestmark = pytest.mark.usefixtures("attribute_no_timeout")

MEMORY_BYTES = 32 * 1024 * 1024


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with all_places(tmp_path_factory.mktemp("faults")) as places:
        measure_good_hosts(places)
        yield places


def test_the_table_has_every_fault_of_the_simulator():
    assert sorted(row.name for row in SIMULATED) == sorted(Fault)
    assert {row.name: row.category for row in SIMULATED} == {f: f.planned for f in Fault}


@pytest.mark.parametrize("row", [case(row) for row in ROWS])
def test_a_fault_gets_its_category_and_the_good_hosts_are_read(transport, places, row, request):
    faulty = places.hosts[row.name]
    if row.waits_for_connect_timeout:
        ssh = replace(faulty.ssh, connect_timeout_s=places.connect_limit_s)
        faulty = replace(faulty, ssh=ssh)
    with nothing_is_left():
        _reset_peak_memory()
        before = _memory("VmRSS")
        hosts = [places.good[0], faulty, places.good[1]]
        outcomes = scan_fault(transport, places, hosts, row)
        assert _memory("VmHWM") - before < MEMORY_BYTES
    assert sorted(outcomes) == sorted([row.name, *GOOD])
    for name in GOOD:
        assert_read(outcomes[name], places.simulated[name])
    outcome = outcomes[row.name]
    request.node.user_properties.append(("elapsed_s", outcome.elapsed_s))
    if row.category is None:
        assert isinstance(outcome, HostReading), outcome
        assert outcome.sockstat.get("TCP", "alloc") not in (999999, 888888)
        return
    assert isinstance(outcome, HostFailure), outcome
    assert (outcome.category, outcome.phase) == (row.category, row.phase), outcome.message
    assert outcome.message.isprintable()
    if row.phase is not Phase.PARSE and row.name != Fault.FAILS:  # these describe the output
        assert f"{faulty.address}:{faulty.port}" in outcome.message
    assert outcome.attempts == 1


def _reset_peak_memory() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM


def _memory(name: str) -> int:
    """Bytes, from /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)

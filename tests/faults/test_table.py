"""Each fault beside good hosts, through both transports, as a scan meets it.

Whatever the fault is: it has its category and phase, it ends within its time, nothing of it is left
on this machine, it takes little memory, and the hosts beside it are read with the right numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Phase
from sockfleet.collector.outcome import HostFailure, HostOutcome, HostReading
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.scenario import SimulatedHost
from tests.support.ssh.fault_servers import GOOD, Places, all_places
from tests.support.ssh.fault_table import ROWS, SIMULATED, Row, case
from tests.support.ssh.over_ssh import TRANSPORTS, no_task_is_left, nothing_is_left

pytestmark = pytest.mark.usefixtures("attribute_no_timeout")

OUTER_S = 25.0
"""For a whole run, whatever the machine is busy with: what hangs fails its test."""
UNHURRIED_S = 15.0
MEMORY_BYTES = 32 * 1024 * 1024


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with all_places(tmp_path_factory.mktemp("faults")) as places:
        warm_up(places)
        yield places


def test_the_table_has_every_fault_of_the_simulator():
    assert sorted(row.name for row in SIMULATED) == sorted(Fault)
    assert {row.name: row.category for row in SIMULATED} == {f: f.planned for f in Fault}


@pytest.mark.parametrize("row", [case(row) for row in ROWS])
def test_a_fault_is_named_and_spoils_nothing(transport, places, row, request):
    limited = places.hosts[row.name]
    if row.waits_for_connect_timeout:
        ssh = replace(limited.ssh, connect_timeout_s=places.connect_limit_s)
        limited = replace(limited, ssh=ssh)
    with nothing_is_left():
        _forget_the_peak()
        before = _memory("VmRSS")
        outcomes = scan(transport, places, [places.good[0], limited, places.good[1]], row)
        assert _memory("VmHWM") - before < MEMORY_BYTES
    assert sorted(outcomes) == sorted([row.name, *GOOD])
    for name in GOOD:
        assert_read(outcomes[name], places.simulated[name])
    faulty = outcomes[row.name]
    request.node.user_properties.append(("elapsed_s", faulty.elapsed_s))
    if row.category is None:
        assert isinstance(faulty, HostReading), faulty
        assert faulty.sockstat.get("TCP", "alloc") not in (999999, 888888)
        return
    assert isinstance(faulty, HostFailure), faulty
    assert (faulty.category, faulty.phase) == (row.category, row.phase), faulty.message
    assert faulty.message.isprintable()
    if row.phase is not Phase.PARSE and row.name != Fault.FAILS:  # those are about what it said
        assert f"{limited.address}:{limited.port}" in faulty.message
    assert faulty.attempts == 1


def warm_up(places: Places) -> None:
    """Let both libraries open what they keep once for the process, and see how fast they are."""
    for transport in TRANSPORTS:
        scan(transport, places, places.good, SIMULATED[-1])
        warm = scan(transport, places, places.good, SIMULATED[-1])
        slowest_s = max(outcome.elapsed_s for outcome in warm.values())
        places.good_takes_s = max(places.good_takes_s, slowest_s)


def scan(transport: str, places: Places, hosts: Sequence[Host], row: Row) -> dict[str, HostOutcome]:
    """One run of the engine, in the loop that the command line uses."""
    settings = EngineSettings(
        concurrency=len(hosts),
        timeout_s=places.host_limit_s if row.waits_for_host_timeout else UNHURRIED_S,
        retries=0,
        transport=transport,
        transport_settings=TransportSettings(
            known_hosts_files=(str(places.known_hosts),),
            connect_timeout_s=UNHURRIED_S,
            concurrency=len(hosts),
        ),
    )
    outcomes: list[HostOutcome] = []

    async def main() -> None:
        async with asyncio.timeout(OUTER_S):
            await Engine(settings).run(hosts, outcomes.append)
        no_task_is_left()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert len(outcomes) == len(hosts)
    return {outcome.host.name: outcome for outcome in outcomes}


def assert_read(outcome: HostOutcome, truth: SimulatedHost) -> None:
    """A good host has its own numbers, in every namespace."""
    assert isinstance(outcome, HostReading), outcome
    contents = truth.contents
    seen = {key: outcome.sockstat.get("TCP", key) for key in ("alloc", "inuse", "tw", "mem")}
    assert seen == {
        "alloc": contents.alloc,
        "inuse": contents.host.inuse,
        "tw": contents.host.tw,
        "mem": contents.mem_pages,
    }


def _forget_the_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM


def _memory(name: str) -> int:
    """Bytes, from /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)

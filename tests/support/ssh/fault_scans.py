"""Scans of faulty hosts next to good ones, by the engine alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import uvloop

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.outcome import HostOutcome, HostReading
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host
from sockfleet.simulator.scenario.scenario import SimulatedHost
from tests.support.ssh.fault_servers import Places
from tests.support.ssh.fault_table import SIMULATED, Row
from tests.support.ssh.over_ssh import TRANSPORTS, no_task_is_left

__all__ = ["assert_read", "measure_good_hosts", "run_engine", "scan_fault"]

OUTER_S = 90.0
"""Seconds for a whole run: one that hangs fails its test, also on a busy machine."""
UNHURRIED_S = 60.0
"""A limit that no host meets whose fault another limit ends, also on a busy machine."""


def run_engine(
    settings: EngineSettings,
    hosts: Sequence[Host],
    *,
    limits: AbstractContextManager[object] | None = None,
) -> dict[str, HostOutcome]:
    """Run the engine in the event loop of the command line; return the outcomes by host name.

    ``limits`` is entered once the loop runs, and left when the engine is done.
    """
    outcomes: list[HostOutcome] = []

    async def main() -> None:
        async with asyncio.timeout(OUTER_S):
            with limits or nullcontext():
                await Engine(settings).run(hosts, outcomes.append)
        no_task_is_left()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert len(outcomes) == len(hosts)
    return {outcome.host.name: outcome for outcome in outcomes}


def scan_fault(
    transport: str, places: Places, hosts: Sequence[Host], row: Row
) -> dict[str, HostOutcome]:
    """Scan ``hosts`` with the timeouts that the fault in ``row`` needs."""
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
    return run_engine(settings, hosts)


def measure_good_hosts(places: Places) -> None:
    """Time the good hosts, after each library has opened what it keeps for the process."""
    for transport in TRANSPORTS:
        scan_fault(transport, places, places.good, SIMULATED[-1])
        outcomes = scan_fault(transport, places, places.good, SIMULATED[-1])
        slowest_s = max(outcome.elapsed_s for outcome in outcomes.values())
        places.good_takes_s = max(places.good_takes_s, slowest_s)


def assert_read(outcome: HostOutcome, truth: SimulatedHost) -> None:
    """Assert that a good host was read with its own numbers."""
    assert isinstance(outcome, HostReading), outcome
    contents = truth.contents
    counters = {key: outcome.sockstat.get("TCP", key) for key in ("alloc", "inuse", "tw", "mem")}
    assert counters == {
        "alloc": contents.alloc,
        "inuse": contents.host.inuse,
        "tw": contents.host.tw,
        "mem": contents.mem_pages,
    }

"""Small fleets in the test's own process: of a scenario in one line, and lean ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sockfleet.simulator.faulty.fleet import Fleet
from sockfleet.simulator.lean.fleet import LeanFleet
from sockfleet.simulator.lean.scenario import lean_scenario
from sockfleet.simulator.scenario.scenario_file import parse_scenario

__all__ = ["SOCKSTAT", "SOCKSTAT6", "fleet_of", "small", "until_closed", "with_fault"]

SOCKSTAT = "/proc/net/sockstat"
SOCKSTAT6 = "/proc/net/sockstat6"


def fleet_of(text: str, folder: Path) -> Fleet:
    """The fleet of a scenario file with this text."""
    return Fleet(parse_scenario(text, "test.yml"), folder)


def with_fault(fault: str, folder: Path) -> Fleet:
    """A fleet of one host, ``box``, that has this fault."""
    return fleet_of(f"roles: {{box: {{fault: {fault}}}}}", folder)


def small(folder: Path, *, hosts: int = 2, verify: bool = True, **how: float) -> LeanFleet:
    """A lean fleet of this many hosts; further arguments are those of its scenario."""
    return LeanFleet(lean_scenario(hosts=hosts, **how), folder, verify=verify)


async def until_closed(fleet: LeanFleet) -> None:
    """Wait until the server has seen the end of every connection."""
    while fleet.open_connections:  # noqa: ASYNC110 (a fleet has no event for its tests)
        await asyncio.sleep(0.001)

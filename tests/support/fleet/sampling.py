"""A `FleetSampler` under test, one round at a time, so that a test can act in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sockfleet.aggregator.host import HostSummary, Status, summarize_host
from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.probe.script import ProbeOptions
from sockfleet.collector.sampling.fleet_sampler import FleetSampler
from sockfleet.collector.sampling.round import Round
from sockfleet.collector.sampling.settings import SamplingSettings
from sockfleet.collector.transport import Transport
from sockfleet.inventory.models import Host
from tests.support.ssh.over_ssh import no_task_is_left, nothing_is_left, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd

__all__ = ["SampledFleet", "host_at", "run_scenario", "sampling", "settle"]

WITHIN_S = 60.0

T = TypeVar("T")


class SampledFleet:
    """A running sampler; `round` samples the fleet once."""

    def __init__(self, fleet: FleetSampler, rounds: AsyncIterator[Round]) -> None:
        self.fleet = fleet
        self._rounds = rounds
        self.last: Round | None = None

    async def round(self) -> dict[str, HostSummary]:
        """Each host's summary in the next round, by name."""
        self.last = await anext(self._rounds)
        hosts = [summarize_host(sample.outcome) for sample in self.last.samples]
        assert len({host.name for host in hosts}) == len(hosts)
        return {host.name: host for host in hosts}

    async def until(
        self, holds: Callable[[dict[str, HostSummary]], bool]
    ) -> dict[str, HostSummary]:
        """The first round for which ``holds`` is true; `run_scenario` limits the time."""
        while True:
            found = await self.round()
            if holds(found):
                return found
            await asyncio.sleep(0)  # a round without a request takes no time


@asynccontextmanager
async def sampling(
    hosts: list[Host],
    settings: EngineSettings,
    *,
    transports: dict[str, Transport] | None = None,
    **sampling_settings: Any,
) -> AsyncIterator[SampledFleet]:
    """A sampler whose rounds follow each other without a pause, except with ``interval_s``."""
    wanted = SamplingSettings(**{"interval_s": 0.0, **sampling_settings})
    async with FleetSampler(hosts, settings, wanted, transports=transports) as fleet:
        yield SampledFleet(fleet, fleet.rounds())


def run_scenario(
    known_hosts: Path,
    hosts: list[Host],
    scenario: Callable[[SampledFleet], Awaitable[T]],
    *,
    namespaces: bool = True,
    most_kept: int = 1000,
    interval_s: float = 0.0,
    **engine: Any,
) -> T:
    """Run ``scenario`` with the hosts; check that no task, descriptor or thread is left."""
    settings = EngineSettings(
        **{
            "concurrency": 20,
            "timeout_s": 20.0,
            "probe": ProbeOptions(namespaces=namespaces),
            "transport_settings": settings_for(known_hosts),
            **engine,
        }
    )

    async def play() -> T:
        async with asyncio.timeout(WITHIN_S):
            async with sampling(
                hosts, settings, most_kept=most_kept, interval_s=interval_s
            ) as fleet:
                result = await scenario(fleet)
        no_task_is_left()
        return result

    with nothing_is_left():
        return asyncio.run(play())


def host_at(server: Sshd, name: str = "web1", **further: Any) -> Host:
    """A host at the server's first address, as its own user."""
    fields = {"address": server.addresses[0], "port": server.port, "ssh": ssh_settings(server)}
    return Host(name=name, **{**fields, **further})


async def settle(fleet: SampledFleet) -> None:
    """Wait until all hosts are connected and sampled by their lasting method."""
    for _ in range(3):
        found = await fleet.round()
        assert all(host.status is Status.OK for host in found.values()), found

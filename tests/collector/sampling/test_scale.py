"""A large fleet over many rounds: memory stays flat and each host has its own numbers."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.probe.script import ProbeOptions
from sockfleet.collector.runtime.event_loop import run_on_event_loop
from sockfleet.collector.sampling.fleet_sampler import FleetSampler
from sockfleet.collector.sampling.settings import SamplingSettings
from sockfleet.inventory.models import Host, SshSettings
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.ssh.over_ssh import open_descriptors, settings_for

HOSTS, ROUNDS = 500, 20
LEAKED = 12


def resident_kib() -> int:
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])


@pytest.mark.parametrize("namespaces", [True, False])
def test_500_hosts_in_20_rounds(tmp_path, namespaces):
    with LeanFleetProcess(tmp_path, hosts=HOSTS) as fleet:
        ssh = SshSettings(user=fleet.scenario.user, identity_files=(str(fleet.identity),))
        hosts = [
            Host(name=name, address=address, port=fleet.port, ssh=ssh)
            for name, address in fleet.addresses.items()
        ]
        settings = EngineSettings(
            concurrency=200,
            probe=ProbeOptions(namespaces=namespaces),
            transport_settings=settings_for(fleet.known_hosts),
        )
        alloc = {host.name: host.contents.alloc for host in fleet.hosts}

        def all_read(outcomes: list[object], more: int) -> bool:
            readings = [each for each in outcomes if isinstance(each, HostReading)]
            allocs = {each.host.name: each.sockstat.get("TCP", "alloc") for each in readings}
            return allocs == {name: count + more for name, count in alloc.items()}

        async def sample() -> None:
            async with FleetSampler(hosts, settings, SamplingSettings(interval_s=0)) as sampler:
                held = None
                async for each in sampler.rounds(ROUNDS):
                    leaked = LEAKED if each.number > ROUNDS // 2 else 0
                    assert all_read([one.outcome for one in each.samples], leaked)
                    assert sampler.connected == HOSTS
                    if each.number == 4:
                        gc.collect()
                        held = resident_kib(), len(open_descriptors()), len(asyncio.all_tasks())
                    if each.number == ROUNDS // 2:
                        fleet.leak(LEAKED)
                gc.collect()
                before_kib, *before = held
                assert [len(open_descriptors()), len(asyncio.all_tasks())] == before
                assert resident_kib() - before_kib < 4096, "8 KiB a host in 16 rounds"

        run_on_event_loop(sample())
        counts = fleet.counts()
        assert (counts["connections"], counts["logins"]) == (HOSTS, HOSTS)

"""Lost connections: servers that stop, freeze or refuse, and return."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.aggregator.host import Status
from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.sampling import backoff
from sockfleet.inventory.models import Hop, Host, SshSettings
from sockfleet.simulator.host.profiles import PROFILES
from sockfleet.simulator.lean.fleet import LeanFleet
from sockfleet.simulator.scenario.scenario import Role, Scenario
from tests.support.fleet.sampling import (
    SampledFleet,
    host_at,
    run_scenario,
    sampling,
    settle,
)
from tests.support.ssh.over_ssh import logins, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd, ssh_keygen

pytestmark = pytest.mark.usefixtures("short_pauses", "asyncssh_path")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as running:
        yield running


def test_a_lost_connection_is_replaced_in_the_same_round(server, known_hosts):
    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        server.kill_sessions()
        assert (await fleet.round())["web1"].status is Status.OK
        assert fleet.fleet.connected == 1

    run_scenario(known_hosts, [host_at(server)], scenario)
    assert logins(server) == 2


def test_a_stopped_server_is_sampled_again_after_its_restart(server, known_hosts):
    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        server.stop()
        lost = (await fleet.round())["web1"]
        assert (lost.status, lost.error.category) == (Status.FAILED, "refused")
        pausing = await fleet.until(lambda found: "not tried again" in found["web1"].error.message)
        assert (pausing["web1"].error.category, pausing["web1"].attempts) == ("refused", 0)
        with server:
            await fleet.until(lambda found: found["web1"].status is Status.OK)
            await settle(fleet)

    run_scenario(known_hosts, [host_at(server)], scenario, retries=0)


def test_a_frozen_host_fails_and_is_sampled_again_afterwards(server, known_hosts):
    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        with server.frozen():
            late = (await fleet.round())["web1"]
            assert late.error.category == "command_timeout"
            assert "no sample in 1.5 s over the connection that was open" in late.error.message
            again = await fleet.until(lambda found: found["web1"].attempts > 0)
            assert again["web1"].error.category == "banner_timeout"
        await fleet.until(lambda found: found["web1"].status is Status.OK)

    run_scenario(known_hosts, [host_at(server)], scenario, timeout_s=1.5, retries=0)


def test_keepalive_finds_a_dead_connection_between_two_rounds(server, known_hosts, monkeypatch):
    monkeypatch.setattr("sockfleet.collector.sampling.fleet_sampler.KEEPALIVE_S", 0.05)

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        with server.frozen():
            found = (await fleet.round())["web1"]
        assert "connection that was open" not in found.error.message
        assert found.error.category == "banner_timeout", "it was reconnected at once"

    run_scenario(known_hosts, [host_at(server)], scenario, interval_s=2.0, timeout_s=1.5, retries=0)


def test_a_refused_login_is_not_tried_again(server, known_hosts, monkeypatch):
    monkeypatch.setattr(backoff, "MOST_S", 300.0)
    server.authorized_keys.write_text("")

    async def scenario(fleet: SampledFleet) -> None:
        for _ in range(5):
            denied = (await fleet.round())["web1"]
            assert denied.error.category == "auth_denied"
        assert denied.attempts == 0
        assert "not tried again for" in denied.error.message

    run_scenario(known_hosts, [host_at(server)], scenario)
    assert server.log.read_text().count("Connection from") == 1


def test_a_host_whose_key_changes_while_it_is_away_is_refused(server, known_hosts):
    """As an address that another machine has got: no sample of it counts as the host's."""

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        server.stop()
        key = server.host_keys[0]
        for path in (key, key.with_suffix(".pub")):
            path.unlink()
        ssh_keygen(key)
        with server:
            refused = (await fleet.round())["web1"]
            assert refused.error.category == "hostkey_changed"
            assert fleet.fleet.connected == 0
            for _ in range(3):
                assert (await fleet.round())["web1"].error.category == "hostkey_changed"

    run_scenario(known_hosts, [host_at(server)], scenario, retries=0)


def test_another_machine_behind_the_same_key_is_read_anew(tmp_path):
    """A reboot, or a clone that got the address: nothing of the machine before it is kept."""
    role = Role(name="web", profile=PROFILES["container-host"])
    clone = Scenario(roles=(role,), seed=2).hosts()[0]

    async def main() -> None:
        async with LeanFleet(Scenario(roles=(role,)), tmp_path) as machines:
            (first,) = machines.hosts
            ssh = SshSettings(user="probe", identity_files=(str(tmp_path / "id_ed25519"),))
            address = machines.addresses[first.name]
            host = Host(name=first.name, address=address, port=machines.port, ssh=ssh)
            settings = EngineSettings(transport_settings=settings_for(tmp_path / "known_hosts"))
            async with sampling([host], settings) as fleet:
                for machine in (first, clone):
                    machines.replace_host(machine)
                    await settle(fleet)
                    found = (await fleet.round())[host.name]
                    assert found.kernel.boot_id == machine.contents.kernel.boot_id
                    assert found.tcp.alloc == machine.contents.alloc
                    assert len(found.namespaces) == 1 + len(machine.contents.containers)

    asyncio.run(main())


def test_connections_through_a_bastion_stay_open_and_return_with_it(tmp_path):
    with (
        Sshd(tmp_path / "bastion") as bastion,
        Sshd(tmp_path / "inside", addresses=["127.0.0.5"]) as inside,
    ):
        known = tmp_path / "known_hosts"
        known.write_text(bastion.known_hosts_lines() + inside.known_hosts_lines())
        hop = Hop(address="127.0.0.1", port=bastion.port, ssh=ssh_settings(bastion))
        ssh = ssh_settings(inside, jumps=(hop,))
        hosts = [host_at(inside, f"web{n}", ssh=ssh) for n in range(3)]

        async def scenario(fleet: SampledFleet) -> None:
            await settle(fleet)
            assert fleet.fleet.connected == 3
            assert logins(bastion) == 1
            bastion.kill_sessions()
            await fleet.until(
                lambda found: all(host.status is Status.OK for host in found.values())
            )
            assert logins(bastion) == 2

        run_scenario(known, hosts, scenario)

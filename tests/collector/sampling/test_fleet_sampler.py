"""Rounds of samples over open connections to a real OpenSSH server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.aggregator.host import HostSummary, Status
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.sampling import backoff
from sockfleet.collector.sampling.host_sampler import HostSampler
from sockfleet.inventory.models import Connection, Host
from tests.support.fleet.sampling import SampledFleet, host_at, run_scenario, settle
from tests.support.ssh.over_ssh import logins
from tests.support.ssh.sshd import Sshd

pytestmark = pytest.mark.usefixtures("short_pauses", "asyncssh_path")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as running:
        yield running


def is_exact(found: dict[str, HostSummary]) -> bool:
    """A quick sample in a round in which no namespace of another process began or ended."""
    return found["web1"].scope == "all-namespaces" and found["web1"].uncertainty is None


def test_a_sample_is_as_complete_as_a_scan_of_the_host(server, known_hosts):
    async def scenario(fleet: SampledFleet) -> list[HostSummary]:
        await settle(fleet)
        return [(await fleet.until(is_exact))["web1"] for _ in range(2)]

    first, second = run_scenario(known_hosts, [host_at(server)], scenario)
    for one in (first, second):
        assert one.scope == "all-namespaces"
        assert one.address == "127.0.0.1"
        assert one.kernel.release == os.uname().release
        assert one.kernel.boot_id is not None
        assert one.kernel.page_size == os.sysconf("SC_PAGE_SIZE")
        assert one.kernel.tcp_estab is None, "no sample reads it, and an old value would be wrong"
        assert one.namespaces[0].host, "the host's own comes first"
        assert one.uncertainty is None, "each file is read once"
        assert one.attempts == 1


def test_every_round_has_the_failed_hosts_too(server, known_hosts):
    hosts = [
        host_at(server),
        host_at(server, "closed", port=1),
        host_at(server, "nowhere", address="no-such-name.invalid"),
        Host(name="here", address="here", connection=Connection.LOCAL),
        host_at(server, "over-paramiko", transport="paramiko"),
    ]

    async def scenario(fleet: SampledFleet) -> None:
        for _ in range(4):
            found = await fleet.round()
            failed = {name for name, host in found.items() if host.status is Status.FAILED}
            assert failed == {"closed", "nowhere"}
            assert set(found) == {host.name for host in hosts}
        assert fleet.fleet.connected == 1
        assert fleet.fleet.kept == {"web1", "closed", "nowhere"}

    run_scenario(known_hosts, hosts, scenario)


def test_hosts_beyond_most_kept_get_a_new_connection_in_each_round(server, known_hosts):
    hosts = [host_at(server, f"web{n}", address="127.0.0.1") for n in range(4)]

    async def scenario(fleet: SampledFleet) -> None:
        for _ in range(3):
            found = await fleet.round()
            assert all(host.status is Status.OK for host in found.values())
            assert fleet.fleet.connected <= 1

    run_scenario(known_hosts, hosts, scenario, most_kept=1)
    assert logins(server) == 1 + 3 * 3


def test_an_error_of_deliver_ends_the_rounds(server, known_hosts):
    class StopHereError(Exception):
        pass

    def deliver(_sample: object) -> None:
        raise StopHereError

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        with pytest.raises(StopHereError):
            await anext(fleet.fleet.rounds(1, deliver))

    run_scenario(known_hosts, [host_at(server)], scenario)


def test_a_round_that_is_stopped_has_an_outcome_for_every_host(server, known_hosts):
    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        with server.frozen():
            rounds = fleet.fleet.rounds(2, lambda sample: fleet.fleet.stop("SIGINT"))
            last = await anext(rounds)
            assert not last.complete
            read, cut = (sample.outcome for sample in last.samples)
            assert isinstance(read, HostReading)
            assert (cut.host.name, cut.category) == ("web1", Category.NOT_ATTEMPTED)
            assert cut.message == "cut off by SIGINT"
            with pytest.raises(StopAsyncIteration):
                await anext(rounds)

    here = Host(name="here", address="here", connection=Connection.LOCAL)
    run_scenario(known_hosts, [host_at(server), here], scenario)


def test_an_unexpected_answer_fails_one_sample_only(server, known_hosts, monkeypatch):
    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)

        def broken(*_arguments: object, **_named: object) -> None:
            raise HostError(Category.PARSE, Phase.PARSE, "the shell on the host answered nonsense")

        monkeypatch.setattr(HostSampler, "parse_answer", broken)
        failed = (await fleet.round())["web1"]
        assert failed.error.category == "parse"
        monkeypatch.undo()
        monkeypatch.setattr(backoff, "FIRST_S", 0.01)
        await fleet.until(lambda found: found["web1"].status is Status.OK)
        assert fleet.fleet.connected == 1

    run_scenario(known_hosts, [host_at(server)], scenario)

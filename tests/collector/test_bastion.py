"""Bastions: one connection for all hosts behind it, opened once, and one failure for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import virtual_time
from over_ssh import ask, ask_all, settings_for, ssh_settings, without_leaks
from sshd import Sshd, free_port, ssh_keygen
from watched import Watched

from sockfleet.collector.bastion import CHANNELS, FAILURE_KEPT_S, Bastions
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.transport import Attempt, TransportSettings
from sockfleet.inventory.models import Hop, Host, SshSettings

ASYNCSSH = "asyncssh"


@pytest.fixture
def settings(sshd: Sshd, tmp_path: Path) -> TransportSettings:
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_hosts_lines())
    return settings_for(known)


def hop(sshd: Sshd, address: str = "127.0.0.1", *, port: int | None = None, **ssh: object) -> Hop:
    return Hop(address=address, port=port or sshd.port, ssh=ssh_settings(sshd, **ssh))


def inner(sshd: Sshd, *jumps: Hop, number: int = 2, port: int | None = None, **ssh: object) -> Host:
    return Host(
        name=f"inner{number}",
        address=f"127.0.0.{number}",
        port=port or sshd.port,
        ssh=ssh_settings(sshd, jumps=jumps, **ssh),
    )


def logins(sshd: Sshd, since: int) -> list[str]:
    """The lines of sshd's log since then that tell of a login."""
    return [
        line for line in sshd.log.read_text()[since:].splitlines() if "Accepted publickey" in line
    ]


def test_all_hosts_share_one_connection_to_the_bastion(sshd, settings):
    since = len(sshd.log.read_text())
    hosts = [inner(sshd, hop(sshd), number=n) for n in (2, 3, 4)]
    outcomes = ask_all(ASYNCSSH, settings, hosts, "echo $SSH_CONNECTION")
    assert [outcome.stdout.split()[2] for outcome in outcomes] == [
        b"127.0.0.2",
        b"127.0.0.3",
        b"127.0.0.4",
    ]
    assert len(logins(sshd, since)) == 1 + 3
    assert all(outcome.attempt.hop is None for outcome in outcomes)
    assert all(outcome.attempt.address is None for outcome in outcomes)


def test_two_hops(sshd, settings):
    since = len(sshd.log.read_text())
    hosts = [inner(sshd, hop(sshd), hop(sshd, "127.0.0.2"), number=n) for n in (3, 4)]
    outcomes = ask_all(ASYNCSSH, settings, hosts, "echo $SSH_CONNECTION")
    assert [outcome.stdout.split()[2] for outcome in outcomes] == [b"127.0.0.3", b"127.0.0.4"]
    assert len(logins(sshd, since)) == 2 + 2


def test_the_scans_own_way_leads_to_hosts_not_to_bastions(sshd, tmp_path):
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_hosts_lines())
    settings = settings_for(known, defaults=SshSettings(jumps=(hop(sshd),)))
    assert ask(ASYNCSSH, settings, inner(sshd), "echo out").stdout == b"out\n"


def refused_port(sshd: Sshd) -> int:
    port = free_port("127.0.0.3")
    assert port != sshd.port
    return port


@pytest.mark.parametrize(
    ("host", "phase", "hop_address", "said"),
    [
        (
            lambda s, _: inner(s, hop(s), number=3, port=refused_port(s)),
            Phase.CONNECT,
            "127.0.0.1",
            "Connection refused",
        ),
        (
            lambda s, _: Host(
                name="x",
                address="no-such-host.invalid",
                ssh=ssh_settings(s, jumps=(hop(s),)),
            ),
            Phase.CONNECT,
            "127.0.0.1",
            "no connection from there to no-such-host.invalid:22",
        ),
        (
            lambda s, key: inner(s, hop(s, identity_files=(key,))),
            Phase.AUTH,
            "127.0.0.1",
            "refused the login",
        ),
        (
            lambda s, _: inner(s, hop(s, "127.0.0.9")),
            Phase.CONNECT,
            "127.0.0.9",
            "connection refused",
        ),
        (
            lambda s, key: inner(s, hop(s), hop(s, "127.0.0.2", identity_files=(key,))),
            Phase.AUTH,
            "127.0.0.2",
            "refused the login",
        ),
        (
            lambda s, _: inner(s, hop(s, host_key_alias="stranger")),
            Phase.KEX,
            "127.0.0.1",
            "stranger",
        ),
    ],
    ids=["inner refused", "inner unknown", "denied", "closed", "second denied", "unknown key"],
)
def test_a_fault_at_a_hop_names_the_hop(
    sshd, settings, tmp_path, host: Callable, phase, hop_address, said
):
    stranger = str(ssh_keygen(tmp_path / "stranger"))
    outcome = ask(ASYNCSSH, settings, host(sshd, stranger))
    assert outcome.fault == (Category.VIA_JUMP, phase)
    assert f"jump host {hop_address}:{sshd.port}: " in outcome.error.message
    assert said in outcome.error.message
    assert outcome.attempt.hop == f"{hop_address}:{sshd.port}"
    assert outcome.attempt.phase is phase


def test_a_fault_of_the_host_itself_is_its_own(sshd, settings, tmp_path):
    stranger = ssh_keygen(tmp_path / "stranger")
    outcome = ask(ASYNCSSH, settings, inner(sshd, hop(sshd), identity_files=(str(stranger),)))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)


def test_a_dead_bastion_is_tried_once_for_all(sshd, settings, tmp_path):
    since = len(sshd.log.read_text())
    stranger = ssh_keygen(tmp_path / "stranger")
    closed = hop(sshd, identity_files=(str(stranger),))
    hosts = [inner(sshd, closed, number=n % 3 + 2) for n in range(50)]
    outcomes = ask_all(ASYNCSSH, settings, hosts)
    assert {outcome.error.category for outcome in outcomes} == {Category.VIA_JUMP}
    assert len({id(outcome.error) for outcome in outcomes}) == 50  # tracebacks are not shared
    assert sshd.log.read_text()[since:].count("Connection from") == 1


def test_a_bastion_that_died_is_opened_anew(settings, tmp_path):
    with (
        Sshd(tmp_path / "bastion") as bastion,
        Sshd(tmp_path / "inner", addresses=["127.0.0.2"]) as server,
    ):
        Path(settings.known_hosts_files[0]).write_text(
            bastion.known_hosts_lines() + server.known_hosts_lines()
        )
        host = Host(
            name="inner",
            address="127.0.0.2",
            port=server.port,
            ssh=ssh_settings(server, jumps=(hop(bastion),)),
        )

        async def work(transport) -> None:
            await transport.execute(Attempt(host=host), "true")
            attempt = Watched(host=host)
            running = attempt.at(Phase.COMMAND)
            asking = asyncio.create_task(transport.execute(attempt, "sleep 100"))
            await running
            bastion.stop()
            with pytest.raises(HostError) as raised:
                await asking
            assert raised.value.category is Category.LOST
            bastion.log.write_text("")  # its start is awaited by what stands there
            with bastion:
                output = await transport.execute(Attempt(host=host), "echo again")
                assert output.stdout == b"again\n"

        without_leaks(ASYNCSSH, settings, work)


@pytest.mark.parametrize("phase", [Phase.DNS, Phase.KEX, Phase.AUTH, Phase.COMMAND])
def test_cut_off_on_the_way_nothing_is_left_and_others_go_on(sshd, settings, phase):
    async def work(transport) -> None:
        attempt = Watched(host=inner(sshd, hop(sshd)))
        there = attempt.at(phase)
        asking = asyncio.create_task(transport.execute(attempt, "sleep 100"))
        other = asyncio.create_task(
            transport.execute(Attempt(host=inner(sshd, hop(sshd), number=3)), "echo other")
        )
        await there
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await other).stdout == b"other\n"

    without_leaks(ASYNCSSH, settings, work)


def test_those_who_wait_are_as_far_as_the_bastion_is(sshd, settings):
    async def work(transport) -> None:
        attempts = [Watched(host=inner(sshd, hop(sshd), number=n)) for n in (2, 3)]
        at_auth = [attempt.at(Phase.AUTH) for attempt in attempts]
        asking = [asyncio.create_task(transport.execute(each, "true")) for each in attempts]
        await asyncio.gather(*at_auth)
        assert {attempt.hop for attempt in attempts} == {f"127.0.0.1:{sshd.port}"}
        await asyncio.gather(*asking)

    without_leaks(ASYNCSSH, settings, work)


class FakeConnection:
    """A bastion's connection that is up until it is told otherwise."""

    def __init__(self) -> None:
        self.up = True

    async def close(self) -> None:
        self.up = False


class FakeBastions(Bastions[FakeConnection]):
    """Opens connections at once, or fails as ``failing`` says; counts both."""

    def __init__(self) -> None:
        super().__init__(self._connect)
        self.opened: list[FakeConnection] = []
        self.tries = 0
        self.failing: HostError | None = None

    async def _connect(self, attempt: Attempt) -> FakeConnection:
        self.tries += 1
        attempt.phase = Phase.CONNECT
        await asyncio.sleep(1)
        if self.failing is not None:
            raise self.failing
        self.opened.append(FakeConnection())
        return self.opened[-1]


WAY = (Hop(address="bastion", ssh=SshSettings()),)


def waiting() -> Attempt:
    return Attempt(host=Host(name="inner", address="inner"))


def test_no_connection_carries_more_hosts_than_it_should():
    async def main() -> None:
        bastions = FakeBastions()
        taken = await asyncio.gather(*(bastions.take(waiting(), WAY) for _ in range(CHANNELS + 1)))
        assert bastions.tries == 2
        assert sorted({shared.hosts for shared in taken}) == [1, CHANNELS]
        for shared in taken:
            bastions.give_back(shared)
        await bastions.take(waiting(), WAY)
        assert bastions.tries == 2
        await bastions.aclose()
        assert not any(connection.up for connection in bastions.opened)

    virtual_time.run(main())


@pytest.mark.parametrize(
    ("category", "passing"), [(Category.TCP_TIMEOUT, True), (Category.AUTH_DENIED, False)]
)
def test_a_failure_is_remembered_for_a_while(category, passing):
    async def main() -> None:
        bastions = FakeBastions()
        bastions.failing = HostError(category, Phase.CONNECT, "went wrong")
        for _ in range(3):
            attempt = waiting()
            with pytest.raises(HostError, match="jump host bastion:22: went wrong") as raised:
                await bastions.take(attempt, WAY)
            assert raised.value.category is Category.VIA_JUMP
            assert raised.value.passing is passing
            assert attempt.hop == "bastion:22"
        assert bastions.tries == 1
        bastions.failing = None
        await asyncio.sleep(FAILURE_KEPT_S)
        await asyncio.sleep(0.1)
        await bastions.take(waiting(), WAY)
        assert bastions.tries == 2
        await bastions.aclose()

    virtual_time.run(main())


def test_one_who_gives_up_leaves_the_opening_to_the_others():
    async def main() -> None:
        bastions = FakeBastions()
        first, second = (asyncio.create_task(bastions.take(waiting(), WAY)) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        await second
        assert bastions.tries == 1
        await bastions.aclose()

    virtual_time.run(main())


def test_closing_ends_an_opening():
    async def main() -> None:
        bastions = FakeBastions()
        taking = asyncio.create_task(bastions.take(waiting(), WAY))
        await asyncio.sleep(0.5)
        taking.cancel()
        await bastions.aclose()
        assert not bastions.opened
        await asyncio.gather(taking, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_time.run(main())

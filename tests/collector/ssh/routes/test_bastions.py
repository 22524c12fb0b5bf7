"""Bastions: one connection for all hosts behind it, opened once, and one failure for all."""

from __future__ import annotations

import asyncio

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.routes.bastions import CHANNELS, FAILURE_KEPT_S, Bastions
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Hop, Host, SshSettings
from tests.support import virtual_time
from tests.support.ssh.over_ssh import ask_all, ssh_settings, without_leaks
from tests.support.ssh.sshd import Sshd, ssh_keygen
from tests.support.ssh.watched import Watched

ASYNCSSH = "asyncssh"


def hop(sshd: Sshd, address: str = "127.0.0.1", *, port: int | None = None, **ssh: object) -> Hop:
    return Hop(address=address, port=port or sshd.port, ssh=ssh_settings(sshd, **ssh))


def inner(sshd: Sshd, *jumps: Hop, number: int = 2, port: int | None = None, **ssh: object) -> Host:
    return Host(
        name=f"inner{number}",
        address=f"127.0.0.{number}",
        port=port or sshd.port,
        ssh=ssh_settings(sshd, jumps=jumps, **ssh),
    )


def test_a_dead_bastion_is_tried_once_for_all(sshd, settings, tmp_path):
    since = len(sshd.log.read_text())
    stranger = ssh_keygen(tmp_path / "stranger")
    closed = hop(sshd, identity_files=(str(stranger),))
    hosts = [inner(sshd, closed, number=n % 3 + 2) for n in range(50)]
    outcomes = ask_all(ASYNCSSH, settings, hosts)
    assert {outcome.error.category for outcome in outcomes} == {Category.VIA_JUMP}
    assert len({id(outcome.error) for outcome in outcomes}) == 50  # tracebacks are not shared
    assert sshd.log.read_text()[since:].count("Connection from") == 1


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
    ("category", "transient"), [(Category.TCP_TIMEOUT, True), (Category.AUTH_DENIED, False)]
)
def test_a_failure_is_remembered_for_a_while(category, transient):
    async def main() -> None:
        bastions = FakeBastions()
        bastions.failing = HostError(category, Phase.CONNECT, "went wrong")
        for _ in range(3):
            attempt = waiting()
            with pytest.raises(HostError, match="jump host bastion:22: went wrong") as raised:
                await bastions.take(attempt, WAY)
            assert raised.value.category is Category.VIA_JUMP
            assert raised.value.transient is transient
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

"""Bastions: all hosts behind one share its connection, and its failure."""

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


def test_a_dead_bastion_is_tried_once_for_all_hosts(sshd, settings, tmp_path):
    since = len(sshd.log.read_text())
    stranger = ssh_keygen(tmp_path / "stranger")
    closed = hop(sshd, identity_files=(str(stranger),))
    hosts = [inner(sshd, closed, number=n % 3 + 2) for n in range(50)]
    outcomes = ask_all(ASYNCSSH, settings, hosts)
    assert {outcome.error.category for outcome in outcomes} == {Category.VIA_JUMP}
    assert len({id(outcome.error) for outcome in outcomes}) == 50  # tracebacks are not shared
    assert sshd.log.read_text()[since:].count("Connection from") == 1


@pytest.mark.parametrize("phase", [Phase.DNS, Phase.KEX, Phase.AUTH, Phase.COMMAND])
def test_a_cancelled_attempt_leaks_nothing_and_others_continue(sshd, settings, phase):
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


def test_waiting_attempts_have_the_phase_of_the_bastion(sshd, settings):
    async def work(transport) -> None:
        attempts = [Watched(host=inner(sshd, hop(sshd), number=n)) for n in (2, 3)]
        at_auth = [attempt.at(Phase.AUTH) for attempt in attempts]
        asking = [asyncio.create_task(transport.execute(each, "true")) for each in attempts]
        await asyncio.gather(*at_auth)
        assert {attempt.hop for attempt in attempts} == {f"127.0.0.1:{sshd.port}"}
        await asyncio.gather(*asking)

    without_leaks(ASYNCSSH, settings, work)


class FakeConnection:
    """A bastion's connection that is up until it is closed."""

    def __init__(self) -> None:
        self.up = True

    async def close(self) -> None:
        self.up = False


class FakeBastions(Bastions[FakeConnection]):
    """Opens connections after one second, or raises ``failing``; counts both."""

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


HOPS = (Hop(address="bastion", ssh=SshSettings()),)


def waiting() -> Attempt:
    return Attempt(host=Host(name="inner", address="inner"))


def test_no_connection_has_more_hosts_than_channels():
    async def main() -> None:
        bastions = FakeBastions()
        acquired = await asyncio.gather(
            *(bastions.acquire(waiting(), HOPS) for _ in range(CHANNELS + 1))
        )
        assert bastions.tries == 2
        assert sorted({shared.hosts for shared in acquired}) == [1, CHANNELS]
        for shared in acquired:
            bastions.release(shared)
        await bastions.acquire(waiting(), HOPS)
        assert bastions.tries == 2
        await bastions.aclose()
        assert not any(connection.up for connection in bastions.opened)

    virtual_time.run(main())


@pytest.mark.parametrize(
    ("category", "transient"), [(Category.TCP_TIMEOUT, True), (Category.AUTH_DENIED, False)]
)
def test_a_failure_is_shared_for_a_moment(category, transient):
    async def main() -> None:
        bastions = FakeBastions()
        bastions.failing = HostError(category, Phase.CONNECT, "went wrong")
        for _ in range(3):
            attempt = waiting()
            with pytest.raises(HostError, match="jump host bastion:22: went wrong") as raised:
                await bastions.acquire(attempt, HOPS)
            assert raised.value.category is Category.VIA_JUMP
            assert raised.value.transient is transient
            assert attempt.hop == "bastion:22"
        assert bastions.tries == 1
        bastions.failing = None
        await asyncio.sleep(FAILURE_KEPT_S)
        await asyncio.sleep(0.1)
        await bastions.acquire(waiting(), HOPS)
        assert bastions.tries == 2
        await bastions.aclose()

    virtual_time.run(main())


def test_a_cancelled_host_leaves_the_connection_attempt_to_the_others():
    async def main() -> None:
        bastions = FakeBastions()
        first, second = (asyncio.create_task(bastions.acquire(waiting(), HOPS)) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        await second
        assert bastions.tries == 1
        await bastions.aclose()

    virtual_time.run(main())


def test_closing_cancels_a_connection_attempt():
    async def main() -> None:
        bastions = FakeBastions()
        acquiring = asyncio.create_task(bastions.acquire(waiting(), HOPS))
        await asyncio.sleep(0.5)
        acquiring.cancel()
        await bastions.aclose()
        assert not bastions.opened
        await asyncio.gather(acquiring, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_time.run(main())

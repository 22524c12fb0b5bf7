"""ProxyCommand: a route through a local command, which leaves no process or descriptor."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import uvloop

from sockfleet.collector.asyncssh.transport import AsyncsshTransport
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.routes.proxy_command import ProxyCommand
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host
from tests.support.ssh.over_ssh import ask, open_descriptors, ssh_settings, without_leaks
from tests.support.ssh.sshd import Sshd
from tests.support.ssh.watched import Watched

ASYNCSSH = "asyncssh"


def behind(sshd: Sshd, command: str, **further: object) -> Host:
    ssh = ssh_settings(sshd, proxy_command=command, **further)
    return Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh)


def netcat(sshd: Sshd) -> str:
    """A proxy out of bash alone: both directions of a TCP connection."""
    return f"exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{sshd.port}; cat <&3 & exec cat >&3'"


def children() -> set[int]:
    """Processes whose parent is this one, zombies too."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = children()
    yield
    assert children() <= before


def test_on_uvloop_too(sshd, settings):
    async def main() -> bytes:
        transport = AsyncsshTransport(settings)
        host = behind(sshd, netcat(sshd))
        try:
            return (await transport.execute(Attempt(host=host), "echo through")).stdout
        finally:
            await transport.aclose()

    assert uvloop.run(main()) == b"through\n"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo first >&2; echo 'no way' >&2; echo >&2; exit 3", "ended with status 3: 'no way'"),
        ("exit 0", "ended with status 0, with nothing on stderr"),
        ("kill -9 $$", "ended by signal 9"),
        ("no-such-proxy", "no-such-proxy"),
        ("printf '\\033[31mred' >&2; exit 1", "'[31mred'"),
    ],
)
def test_the_error_says_how_the_proxy_command_ended(sshd, settings, command, reason):
    outcome = ask(ASYNCSSH, settings, behind(sshd, command))
    assert outcome.error.category is Category.VIA_JUMP
    assert reason in outcome.error.message
    assert "\x1b" not in outcome.error.message


@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.BANNER, Phase.AUTH, Phase.COMMAND])
@pytest.mark.parametrize("turns", [0, 1, 3])
def test_a_cancelled_attempt_leaves_no_process_or_descriptor(sshd, settings, phase, turns):
    async def work(transport) -> None:
        attempt = Watched(host=behind(sshd, netcat(sshd)))
        there = attempt.at(phase)
        asking = asyncio.create_task(transport.execute(attempt, "sleep 100"))
        await there
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    without_leaks(ASYNCSSH, settings, work)


def test_a_lack_of_descriptors_is_an_os_error(mocker):
    async def main() -> None:
        before = open_descriptors()
        mocker.patch("socket.socketpair", side_effect=OSError(24, "Too many open files"))
        with pytest.raises(OSError, match="Too many open files"):
            await ProxyCommand.start("true")
        assert open_descriptors() == before

    asyncio.run(main())


def test_a_running_proxy_command_explains_nothing(mocker):
    mocker.patch("sockfleet.collector.ssh.routes.proxy_command._REAP_S", 0.01)

    async def main() -> HostError | None:
        proxy = await ProxyCommand.start("exec sleep 1000")
        proxy.sock.close()
        try:
            return await proxy.explain_exit()
        finally:
            await proxy.stop()
            await proxy.stop()

    assert asyncio.run(main()) is None

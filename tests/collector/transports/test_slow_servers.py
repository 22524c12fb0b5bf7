"""A server that stops in the middle: each phase has its timeout, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.timeouts import timeout_error
from sockfleet.collector.transport import Attempt, Transport
from sockfleet.inventory.models import Host
from tests.support.ssh.over_ssh import settings_for, ssh_settings, without_leaks
from tests.support.ssh.sshd import Sshd, _children

ADDRESS = "127.0.26.1"
LIMIT_S = 1.5


@dataclass(slots=True, kw_only=True)
class Freezing(Attempt):
    """An attempt that stops the server's processes once it comes to a phase."""

    server: Sshd
    freeze_at: Phase

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "phase" and value is getattr(self, "freeze_at", None):
            stop(self.server, signal.SIGSTOP)


def stop(server: Sshd, how: signal.Signals) -> None:
    """Send ``how`` to the processes of its connections.

    sshd forks for the key exchange just when the client has its version: the new process is found
    once its parent runs no more.
    """
    reached: set[int] = set()
    while found := set(_children(server.pid)) - reached:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
                while is_running(pid):
                    pass
        reached |= found


def is_running(pid: int) -> bool:
    """Whether a process is neither stopped nor dead (proc_pid_stat(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "TZX"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd"), addresses=(ADDRESS,)) as sshd:
        yield sshd


def ask_frozen(transport: str, server: Sshd, tmp_path: Path, phase: Phase) -> HostError:
    """The verdict on a server that freezes in ``phase``."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(server.known_hosts_lines())
    host = Host(
        name="web1",
        address=ADDRESS,
        port=server.port,
        ssh=ssh_settings(server, connect_timeout_s=LIMIT_S),
    )

    async def ask(loaded: Transport) -> HostError:
        attempt = Freezing(host=host, server=server, freeze_at=phase)
        try:
            async with asyncio.timeout(2 * LIMIT_S):  # as the engine bounds a host
                await loaded.execute(attempt, "exec sleep 1000")
        except HostError as error:
            return error
        except TimeoutError:
            return timeout_error(attempt, 2 * LIMIT_S)
        raise AssertionError("it did not freeze")

    try:
        return without_leaks(transport, settings_for(known_hosts), ask)
    finally:
        stop(server, signal.SIGKILL)


@pytest.mark.parametrize(
    ("phase", "category"),
    [
        (Phase.KEX, Category.KEX_TIMEOUT),
        (Phase.AUTH, Category.AUTH_TIMEOUT),
        (Phase.SESSION, Category.COMMAND_TIMEOUT),
        (Phase.COMMAND, Category.COMMAND_TIMEOUT),
    ],
)
def test_each_phase_has_its_timeout(transport, server, tmp_path, phase, category):
    error = ask_frozen(transport, server, tmp_path, phase)
    assert (error.category, error.phase) == (category, phase)
    assert f"{ADDRESS}:{server.port}: still waiting for" in error.message


def test_a_server_that_accepts_nobody(transport, server, tmp_path):
    with server.frozen():
        error = ask_frozen(transport, server, tmp_path, Phase.BANNER)
    assert (error.category, error.phase) == (Category.BANNER_TIMEOUT, Phase.BANNER)

"""What the suites of both SSH transports share: one question to one host, and what came of it.

Every question is asked in an event loop of its own, and afterwards nothing of it may be left: no
task, no descriptor, no thread.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.probe.answer import ProbeAnswer, parse_probe
from sockfleet.collector.probe.script import new_marker, probe_command
from sockfleet.collector.transport import (
    Attempt,
    CommandOutput,
    Transport,
    TransportSettings,
    load_transport,
)
from sockfleet.inventory.models import Host, SshSettings
from tests.support.ssh.sshd import Sshd

__all__ = [
    "TRANSPORTS",
    "Outcome",
    "ask",
    "ask_all",
    "ended",
    "known_hosts_of",
    "logins",
    "no_task_is_left",
    "nothing_is_left",
    "open_descriptors",
    "read",
    "settings_for",
    "ssh_settings",
    "without_leaks",
]

T = TypeVar("T")

TRANSPORTS = ("asyncssh", "paramiko")
TIMEOUT_S = 20.0
"""For every question: a transport that hangs fails its test, not the whole run."""


@dataclass(frozen=True)
class Outcome:
    """One question's answer: an output or an error, and how far it came."""

    attempt: Attempt
    output: CommandOutput | None = None
    error: HostError | None = None

    @property
    def fault(self) -> tuple[Category, Phase]:
        """Category and phase of the failure."""
        assert self.error is not None, f"no failure but {self.output}"
        return self.error.category, self.error.phase

    @property
    def stdout(self) -> bytes:
        """Of a command that was run."""
        assert self.output is not None, f"{self.error!r} {self.error}"
        return self.output.stdout


def known_hosts_of(server: Sshd, folder: Path) -> Path:
    """A known_hosts file in ``folder`` with the server's keys."""
    path = folder / "known_hosts"
    path.write_text(server.known_hosts_lines())
    return path


def logins(server: Sshd) -> int:
    """How many logins with a key the server has accepted since it was made."""
    return server.log.read_text().count("Accepted publickey")


def settings_for(known_hosts: Path, **further: Any) -> TransportSettings:
    """A scan's settings with one known_hosts file."""
    return TransportSettings(known_hosts_files=(str(known_hosts),), **further)


def ssh_settings(server: Sshd, **further: Any) -> SshSettings:
    """The server's own user and key, and what else the case needs."""
    return SshSettings(
        **{"user": server.user, "identity_files": (str(server.client_key),), **further}
    )


def ask(
    transport: str,
    settings: TransportSettings,
    host: Host,
    command: str = "echo out; echo err >&2",
    *,
    within_s: float = TIMEOUT_S,
) -> Outcome:
    """Run ``command`` on ``host``."""
    return ask_all(transport, settings, [host], command, within_s=within_s)[0]


def ask_all(
    transport: str,
    settings: TransportSettings,
    hosts: Sequence[Host],
    command: str = "echo out; echo err >&2",
    *,
    within_s: float = TIMEOUT_S,
    at_once: bool = True,
) -> list[Outcome]:
    """Run ``command`` on each host through one transport, all at once or one after the other."""

    async def all_of_them(loaded: Transport) -> list[Outcome]:
        asking = [_outcome(loaded, Attempt(host=host), command, within_s) for host in hosts]
        return await asyncio.gather(*asking) if at_once else [await each for each in asking]

    return without_leaks(transport, settings, all_of_them)


async def _outcome(
    transport: Transport, attempt: Attempt, command: str, within_s: float
) -> Outcome:
    try:
        async with asyncio.timeout(within_s):
            return Outcome(attempt, output=await transport.execute(attempt, command))
    except HostError as error:
        return Outcome(attempt, error=error)


def without_leaks(
    transport: str, settings: TransportSettings, work: Callable[[Transport], Awaitable[T]]
) -> T:
    """Do ``work`` with a transport in a loop of its own, and see that nothing is left of it."""

    async def in_loop() -> T:
        loaded = load_transport(transport, settings)
        try:
            return await work(loaded)
        finally:
            await loaded.aclose()
            no_task_is_left()

    with nothing_is_left():
        return asyncio.run(in_loop())


def no_task_is_left() -> None:
    """Of all that were begun in this loop."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left


@contextmanager
def nothing_is_left() -> Iterator[None]:
    """No thread and no descriptor of what runs inside."""
    _warm_up()
    descriptors, threads = open_descriptors(), set(threading.enumerate())
    try:
        yield
    finally:
        for thread in set(threading.enumerate()) - threads:
            thread.join(60)
            assert not thread.is_alive(), f"{thread} was left behind"
        _wait_for_the_servers_of_this_process(descriptors)
        left = _opened_since(descriptors)
        assert not left, left


def _wait_for_the_servers_of_this_process(descriptors: dict[str, str]) -> None:
    """A test's own server closes its end a moment later; what is leaked stays."""
    deadline = time.monotonic() + 60
    while _opened_since(descriptors) and time.monotonic() < deadline:
        time.sleep(0.01)


def _opened_since(descriptors: dict[str, str]) -> set[tuple[str, str]]:
    # A server of this process may meanwhile have closed one that was open before.
    return open_descriptors().items() - descriptors.items()


def _warm_up() -> None:
    """What libraries open once for the whole process."""
    asyncio.run(asyncio.sleep(0))


def open_descriptors() -> dict[str, str]:
    """This process's descriptors and what they are."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except FileNotFoundError:  # the one that lists the folder
            continue
    return found


def ended(pid: int) -> bool:
    """Whether the process ends within a minute, or has ended, whichever process reaps it."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 60)[0])
    finally:
        os.close(process)


def read(transport: str, settings: TransportSettings, host: Host) -> ProbeAnswer | HostError:
    """The probe's answer, or why there is none."""
    mark = new_marker()
    outcome = ask(transport, settings, host, probe_command(mark))
    if outcome.error is not None:
        return outcome.error
    try:
        return parse_probe(outcome.stdout, mark)
    except HostError as error:
        return error

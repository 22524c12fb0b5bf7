"""An SSH server whose SFTP and shell answer samples rightly at first, and then wrongly.

The user's name decides: one of `LIES`, or of `GOOD`, which are sound for ever. Commands are always
answered rightly, so only samples over an open session (`collector.sampling`) meet the lies.
"""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import asyncssh
from asyncssh.packet import String
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sockfleet.collector.probe.labels import SOCKSTAT
from sockfleet.simulator.host.answer import answer
from sockfleet.simulator.host.contents import Contents
from sockfleet.simulator.host.profiles import PROFILES, draw_contents
from sockfleet.simulator.lean.host import LeanHost
from sockfleet.simulator.lean.key_exchange import HostKey
from sockfleet.simulator.lean.sftp import LeanSftp
from sockfleet.simulator.lean.shell import LeanShell
from sockfleet.simulator.scenario.scenario import Role, SimulatedHost

__all__ = ["CONTENTS", "GOOD", "LATE_S", "LIES", "lying_server"]

LATE_S = 12.0
"""A limit of seconds that a late answer exceeds."""
GOOD = ("sftp: good", "shell: good")
CONTENTS: Contents = draw_contents(Random(1), PROFILES["container-host"])
"""Of every host of this server."""

_RIGHT_SAMPLES = {"sftp": 2, "shell": 1}
"""The first samples of a session: a shell begins with a full probe, SFTP with a sample."""
_DATA, _STATUS, _READ = 103, 101, 5
_EXTENDED_DATA = 1  # SSH_EXTENDED_DATA_STDERR, RFC 4254, 5.2
_CLAIMED = struct.pack(">I", 2**32 - 1)
_AT_ONCE = 64
_PAUSE_S = 0.005  # leaves both sides' loops to other sessions
_GLOBAL_REQUEST = 80
_REQUEST_WITHOUT_ANSWER = String("x") + bytes(1)

Lie = Callable[["_Session", bytes], None]
"""Gets the session and the right answer, and writes something else."""

LIES: dict[str, Lie] = {}
"""By the name of their row in `fault_table.SAMPLED`."""


def _sftp(lie: Lie) -> Lie:
    LIES[f"sftp: {lie.__name__.replace('_', ' ')}"] = lie
    return lie


def _shell(lie: Lie) -> Lie:
    LIES[f"shell: {lie.__name__.replace('_', ' ')}"] = lie
    return lie


def _both(lie: Lie) -> Lie:
    return _sftp(_shell(lie))


def _packet(kind: int, number: int, body: bytes) -> bytes:
    return struct.pack(">IBI", len(body) + 5, kind, number) + body


# Of SFTP alone.


@_sftp
def a_status_for_a_file(session: _Session, right: bytes) -> None:
    for number in (1, 2):
        body = struct.pack(">I", 4) + String("\x1b[2Jno") + String("")
        session.write(_packet(_STATUS, number, body))


@_sftp
def both_files_in_one(session: _Session, right: bytes) -> None:
    session.write(_packet(_DATA, 1, String(b"".join(session.host.files.values()))))


@_sftp
def one_file_twice(session: _Session, right: bytes) -> None:
    session.write(2 * _packet(_DATA, 1, String(session.host.files[SOCKSTAT])))


@_sftp
def answers_to_no_request(session: _Session, right: bytes) -> None:
    session.write(right + _packet(_DATA, 77, String(b"x")))
    session.write(_packet(_DATA, 9, String(b"TCP: inuse 1")) * 2)


@_sftp
def a_claimed_packet(session: _Session, right: bytes) -> None:
    session.write(_CLAIMED + right[4:])


@_sftp
def a_claimed_text(session: _Session, right: bytes) -> None:
    session.write(right[:9] + _CLAIMED + right[13:])


@_sftp
def empty_packets(session: _Session, right: bytes) -> None:
    session.write(b"\x00\x00\x00\x01g" * 2)


# Of the shell alone.


@_shell
def no_end(session: _Session, right: bytes) -> None:
    session.write(right.rpartition(b"|")[0] + b"\n")


@_shell
def no_counters(session: _Session, right: bytes) -> None:
    mark = right.split(b"|")[0]
    session.write(mark + b"|blind|" + mark + b" end\n")


@_shell
def a_number_of_processes_beyond_all_numbers(session: _Session, right: bytes) -> None:
    session.write(right.replace(b"|ns ", b"|many 99999999999999999999|ns "))


@_shell
def ten_thousand_namespaces(session: _Session, right: bytes) -> None:
    first, _, rest = right.partition(b"|ns ")
    session.write(first + b"|ns 1" * 10_000 + b"|ns " + rest)


@_shell
def two_answers_in_one(session: _Session, right: bytes) -> None:
    session.write(right.replace(b"TCP: inuse ", b"TCP: inuse 9") + right)


@_shell
def a_hundred_thousand_numbers(session: _Session, right: bytes) -> None:
    session.write(right.replace(b"TCP: ", b"TCP: " + b"x 1 " * 50_000, 1))


# Of both.


@_both
def text_instead(session: _Session, right: bytes) -> None:
    session.write(b"\x1b[2JWelcome to web1\n" * 3)


@_both
def a_word_for_a_number(session: _Session, right: bytes) -> None:
    # The lengths of SFTP's packets stay.
    session.write(right.replace(b"inuse ", b"inuse9"))


@_both
def half_and_the_end(session: _Session, right: bytes) -> None:
    session.write(right[: len(right) // 2])
    session.channel.close()


@_both
def half_and_a_lost_connection(session: _Session, right: bytes) -> None:
    session.write(right[: len(right) // 2])
    session.connection.abort()


@_both
def half_and_silence(session: _Session, right: bytes) -> None:
    session.write(right[: len(right) // 2])


@_both
def silence(session: _Session, right: bytes) -> None:
    pass


@_both
def one_byte_a_second(session: _Session, right: bytes) -> None:
    async def drip() -> None:
        for byte in right:
            session.write(bytes([byte]))
            await asyncio.sleep(1)

    session.spawn(drip())


@_both
def late(session: _Session, right: bytes) -> None:
    """Later than any test's time limit for a host."""
    session.later(2 * LATE_S, right)


@_both
def flood(session: _Session, right: bytes) -> None:
    session.flood(lambda: session.write(b"x" * 4096))


@_both
def stderr_flood(session: _Session, right: bytes) -> None:
    session.flood(lambda: session.write(b"x" * 4096, _EXTENDED_DATA))


@_both
def message_flood(session: _Session, right: bytes) -> None:
    session.write(right)
    session.flood(lambda: session.connection.send_packet(_GLOBAL_REQUEST, _REQUEST_WITHOUT_ANSWER))


@_both
def key_exchanges_without_end(session: _Session, right: bytes) -> None:
    async def run() -> None:
        while not session.channel.is_closing():
            session.connection.send_debug("nothing to see here")
            await asyncio.sleep(0.005)

    session.write(right)
    session.connection._rekey_bytes = 1  # before each packet
    session.spawn(run())


class _Session(asyncssh.SSHServerSession[bytes]):
    """One session: a command, or SFTP or a shell whose requests `LeanSftp` and `LeanShell` get."""

    def __init__(self, user: str, connection: asyncssh.SSHServerConnection, host: LeanHost) -> None:
        self.connection = connection
        self.host = host
        self._lie = LIES.get(user)
        self._lists_namespaces = user.startswith("shell:")
        self._samples = 0
        self._right_samples = _RIGHT_SAMPLES[user.partition(":")[0]]
        self._open: LeanSftp | LeanShell | None = None
        self._command: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self.channel = chan

    def exec_requested(self, command: str) -> bool:
        self._command = command
        self._open = LeanShell.start(command, self.host)
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        self._open = LeanSftp(self.host)
        return subsystem == "sftp"

    def session_started(self) -> None:
        if self._command is None or self._open is not None:
            return
        if self._lists_namespaces:
            reply = self.host.run(self._command)
        else:  # as a host without awk
            reply = answer(self._command, self.host.files, page_size=4096)
        self.channel.write(reply.stdout)
        self.channel.exit(reply.exit_status)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        right = b"" if self._open is None else self._open.feed(data)
        if not right:
            return
        is_sample = data[4:5] == bytes([_READ]) or data.endswith((b"all\n", b"own\n"))
        self._samples += is_sample
        if is_sample and self._lie is not None and self._samples > self._right_samples:
            self._lie(self, right)
        else:
            self.write(right)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        for task in self._tasks:
            task.cancel()

    def write(self, data: bytes, datatype: int | None = None) -> None:
        with suppress(OSError):  # the client has closed the session
            self.channel.write(data, datatype)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, seconds: float, data: bytes) -> None:
        async def write() -> None:
            await asyncio.sleep(seconds)
            self.write(data)

        self.spawn(write())

    def flood(self, once: Callable[[], None]) -> None:
        async def run() -> None:
            while not self.channel.is_closing():
                await self._writable.wait()
                for _ in range(_AT_ONCE):
                    once()
                await asyncio.sleep(_PAUSE_S)

        self.spawn(run())


class _Server(asyncssh.SSHServer):
    """Lets everybody in."""

    def __init__(self, host: LeanHost) -> None:
        self.host = host

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def begin_auth(self, username: str) -> bool:
        self.user = username
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return True

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return _Session(self.user, self.connection, self.host)


async def _serve() -> None:
    role = Role(name="liar", profile=PROFILES["container-host"])
    own_key = HostKey(Ed25519PrivateKey.generate())  # of a lean server, unused here
    host = LeanHost(SimulatedHost(name="liar", role=role, contents=CONTENTS), own_key)
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        server_factory=lambda: _Server(host),
        encoding=None,
        gss_host=None,
    )
    port = server.sockets[0].getsockname()[1]
    print(port, key.export_public_key().decode().strip(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def lying_server(folder: Path) -> Iterator[int]:
    """On 127.0.0.1, in a process of its own; yields the port and fills ``folder``/known_hosts."""
    words = [sys.executable, "-m", __name__]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, text=True, **pipes) as process:
        port, key = process.stdout.readline().split(" ", 1)
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
        try:
            yield int(port)
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())

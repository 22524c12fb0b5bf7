"""ProxyCommand: a local command whose input and output are the way to the host.

The command gets one end of a socket pair, so that everything after it is as over TCP; and a
process group of its own, so that whatever it started ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import Self, cast

from ....core.text import clean
from ...errors import Category, HostError, Phase

__all__ = ["ProxyCommand"]

_STDERR_TAIL_BYTES = 4096
_REAP_S = 1.0


class ProxyCommand:
    """A running proxy command; ``sock`` (non-blocking) leads to the host and is the caller's."""

    def __init__(self, sock: socket.socket, process: _Process) -> None:
        self.sock = sock
        self._process = process

    @classmethod
    async def start(cls, command: str) -> Self:
        """Run ``command`` with /bin/sh. Raises OSError where this machine cannot.

        The caller must `stop` it, and close ``sock``.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        process = _Process(loop)
        try:
            with theirs:
                # Shielded: cut off inside, asyncio would kill the shell and forget its children.
                starting = asyncio.ensure_future(
                    loop.subprocess_exec(
                        lambda: process,
                        "/bin/sh",
                        "-c",
                        command,
                        stdin=theirs.fileno(),
                        stdout=theirs.fileno(),
                        stderr=asyncio.subprocess.PIPE,
                        start_new_session=True,
                    )
                )
                try:
                    await asyncio.shield(starting)
                except asyncio.CancelledError:
                    with contextlib.suppress(OSError):
                        await starting
                        await process.end()
                    raise
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return cls(ours, process)

    async def stop(self) -> None:
        """Kill it with all that it started, and reap it; may be called twice."""
        await self._process.end()

    async def ended(self) -> HostError | None:
        """Why it ended, when the way through it has just closed; None where it still runs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REAP_S):
                await self._process.exited.wait()
        status = self._process.status
        if status is None:
            return None
        how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
        words = clean(self._process.last_line)
        return HostError(
            Category.VIA_JUMP,
            Phase.CONNECT,
            f"the proxy command {how}" + (f": {words!r}" if words else ", without a word"),
        )


class _Process(asyncio.SubprocessProtocol):
    """Keeps the end of what the command says on stderr, and knows when it has ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.exited = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None
        self._stderr = b""
        self._closed: asyncio.Future[None] = loop.create_future()

    @property
    def status(self) -> int | None:
        """As Popen.returncode."""
        return None if self._transport is None else self._transport.get_returncode()

    @property
    def last_line(self) -> bytes:
        """The last line on stderr that is not empty."""
        lines = [line for line in self._stderr.splitlines() if line.strip()]
        return lines[-1] if lines else b""

    async def end(self) -> None:
        """Kill the whole process group and wait for the process and its pipe to be gone."""
        transport = self._transport
        if transport is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        await self.exited.wait()
        transport.close()
        await asyncio.shield(self._closed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        del fd
        if isinstance(data, bytes):
            self._stderr = (self._stderr + data)[-_STDERR_TAIL_BYTES:]

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self._closed.done():
            self._closed.set_result(None)

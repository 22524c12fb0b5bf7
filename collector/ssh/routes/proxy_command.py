"""ProxyCommand: a local command whose input and output lead to the host.

The command gets one end of a socket pair, so the other end is used like a TCP socket, and its own
process group, so that its children are killed with it.
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
    """A running proxy command; the caller owns ``sock``, non-blocking, which leads to the host."""

    def __init__(self, sock: socket.socket, process: _Process) -> None:
        self.sock = sock
        self._process = process

    @classmethod
    async def start(cls, command: str) -> Self:
        """Run ``command`` with /bin/sh. Raises OSError when it cannot be started.

        The caller must `stop` it, and close ``sock``.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        process = _Process(loop)
        try:
            with theirs:
                # Shielded: when cancelled inside, asyncio kills the shell but not its children.
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
        """Kill the command and its children, and reap it; may be called twice."""
        await self._process.end()

    async def explain_exit(self) -> HostError | None:
        """Return how the command ended, after its stream has closed; None if it still runs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REAP_S):
                await self._process.exited.wait()
        status = self._process.status
        if status is None:
            return None
        how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
        line = clean(self._process.last_line)
        return HostError(
            Category.VIA_JUMP,
            Phase.CONNECT,
            f"the proxy command {how}" + (f": {line!r}" if line else ", with nothing on stderr"),
        )


class _Process(asyncio.SubprocessProtocol):
    """Keeps the last bytes of the command's stderr, and its exit."""

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
        """Kill the process group, and wait for the process to exit and its pipe to close."""
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

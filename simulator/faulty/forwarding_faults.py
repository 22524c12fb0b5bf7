"""Play the faults of a jump host in a stream that it forwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncssh

from ..scenario.faults import Fault
from .connection_faults import corrupt, disconnect, half_close, reset

__all__ = ["FORWARDING_FAULTS", "FaultyStream"]

_VERSION = b"SSH-2.0-forwarded\r\n"
_NOISE = b"x" * 1022 + b"\r\n"
_DRIP_S = 1.0


class FaultyStream(asyncssh.SSHTCPSession[bytes]):
    """A forwarded stream that plays a fault of `FORWARDING_FAULTS` at the first data."""

    def __init__(self, connection: asyncssh.SSHServerConnection, fault: Fault) -> None:
        self._connection = connection
        self._fault = fault
        self._playing: asyncio.Future[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        """Keep the channel."""
        self.channel = chan

    def data_received(self, _data: bytes, _datatype: int | None) -> None:
        """Play the fault at the first data."""
        if self._playing is None:
            play = FORWARDING_FAULTS[self._fault]
            self._playing = asyncio.ensure_future(play(self, self._connection))

    def pause_writing(self) -> None:
        """Hold a flood back."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Let a flood go on."""
        self._may_write.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        """End what the fault does."""
        if self._playing is not None:
            self._playing.cancel()

    async def write(self, data: bytes) -> None:
        """Write to the client."""
        await self._may_write.wait()
        self.channel.write(data)
        await asyncio.sleep(0)


async def _flood(stream: FaultyStream, _connection: asyncssh.SSHServerConnection) -> None:
    while True:
        await stream.write(_NOISE)


async def _stall(stream: FaultyStream, _connection: asyncssh.SSHServerConnection) -> None:
    await stream.write(_VERSION[: len(_VERSION) // 2])


async def _trickle(stream: FaultyStream, _connection: asyncssh.SSHServerConnection) -> None:
    for byte in _VERSION:
        await stream.write(bytes([byte]))
        await asyncio.sleep(_DRIP_S)


def _break_by(
    end: Callable[[asyncssh.SSHServerConnection], None],
) -> Callable[[FaultyStream, asyncssh.SSHServerConnection], Awaitable[None]]:
    async def play(_stream: FaultyStream, connection: asyncssh.SSHServerConnection) -> None:
        end(connection)

    return play


FORWARDING_FAULTS: dict[
    Fault, Callable[[FaultyStream, asyncssh.SSHServerConnection], Awaitable[None]]
] = {
    Fault.CUT_OFF: _break_by(asyncssh.SSHServerConnection.abort),
    Fault.RESET_IN_OUTPUT: _break_by(reset),
    Fault.HALF_CLOSED_IN_OUTPUT: _break_by(half_close),
    Fault.FAREWELL_IN_OUTPUT: _break_by(disconnect),
    Fault.CORRUPTED: _break_by(corrupt),
    Fault.STALLED_OUTPUT: _stall,
    Fault.TRICKLES: _trickle,
    Fault.FLOODS: _flood,
}

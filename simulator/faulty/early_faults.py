"""The faults before the keys are agreed on, played on the bare connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

from ..fleet.plain_packets import VERSION, kexinit, packet, text
from ..scenario.faults import Fault

__all__ = ["EARLY", "play_early"]

_DRIP_S = 1.0
_DEBUG_S = 0.01
_CHUNK = 4096
_NOT_SSH = (
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\n"
    b"Connection: close\r\n\r\n<html><body><h1>400 Bad Request</h1></body></html>\r\n"
)
_NOTICE = b"unauthorised access is prohibited\r\nreally\r\n"

# Message numbers of RFC 4253, 12.
_DISCONNECT, _IGNORE, _DEBUG, _KEXINIT, _ECDH_REPLY = 1, 2, 4, 20, 31


async def play_early(connection: socket.socket, fault: Fault) -> None:
    """Play one of `EARLY` on an accepted connection, and close it."""
    with contextlib.suppress(OSError), connection:
        await EARLY[fault](_Wire(connection))


class _Wire:
    """One accepted connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._connection, data)

    async def send_for_ever(self, data: bytes, *, pause_s: float = 0.0) -> None:
        while True:
            await self.send(data)
            if pause_s:
                await asyncio.sleep(pause_s)

    async def drip(self, data: bytes) -> None:
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(_DRIP_S)

    async def hear(self, least: int = 1) -> None:
        """Wait until the client has said so many bytes, or has gone."""
        heard = 0
        while heard < least and (data := await self._loop.sock_recv(self._connection, _CHUNK)):
            heard += len(data)

    async def wait(self) -> None:
        """Until the client leaves: who hangs up first would race with what it said last."""
        while await self._loop.sock_recv(self._connection, _CHUNK):
            pass

    def end_sending(self) -> None:
        self._connection.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close by a reset instead of an end (socket(7), SO_LINGER of no time)."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


def _says(
    data: bytes, then: Callable[[_Wire], Awaitable[None]] = _Wire.wait
) -> Callable[[_Wire], Awaitable[None]]:
    async def play(wire: _Wire) -> None:
        await wire.send(data)
        await then(wire)

    return play


async def _goes(wire: _Wire) -> None:
    """Close, but not before all that the client said was heard: that would be a reset."""
    wire.end_sending()
    await wire.wait()


async def _closes(wire: _Wire) -> None:
    del wire


async def _resets(wire: _Wire) -> None:
    await wire.hear()
    wire.reset()


async def _resets_in_kex(wire: _Wire) -> None:
    await wire.send(VERSION)
    await wire.hear(100)  # more than a version line
    wire.reset()


async def _drips_version(wire: _Wire) -> None:
    await wire.drip(VERSION * 1000)


async def _drips_kexinit(wire: _Wire) -> None:
    await wire.send(VERSION)
    await wire.drip(kexinit())


def _sends_for_ever(
    first: bytes, data: bytes, *, pause_s: float = 0.0
) -> Callable[[_Wire], Awaitable[None]]:
    async def play(wire: _Wire) -> None:
        await wire.send(first)
        await wire.send_for_ever(data, pause_s=pause_s)

    return play


def _farewell(reason: bytes) -> bytes:
    return packet(struct.pack(">BI", _DISCONNECT, 7) + text(reason) + text(b""))


EARLY: dict[Fault, Callable[[_Wire], Awaitable[None]]] = {
    Fault.SILENT: _Wire.wait,
    Fault.DRIPPING_VERSION: _drips_version,
    Fault.HALF_VERSION: _says(VERSION[:12]),
    Fault.NOTICE_ONLY: _says(_NOTICE),
    Fault.DROPPED: _closes,
    Fault.RESET: _resets,
    Fault.HALF_CLOSED: _goes,
    Fault.MAX_STARTUPS: _says(b"Exceeded MaxStartups\r\n", _goes),
    Fault.PENALISED: _says(b"Not allowed at this time\r\n", _goes),
    Fault.NOT_SSH: _says(_NOT_SSH, _goes),
    Fault.GARBAGE: _says(bytes(range(256)) * 4, _goes),
    Fault.SSH_1: _says(b"SSH-1.5-OpenSSH_2.9\r\n"),
    Fault.ENDLESS_LINES: _sends_for_ever(b"", b"welcome to the machine\r\n" * 100),
    Fault.ENDLESS_LINE: _sends_for_ever(b"", b"A" * _CHUNK),
    Fault.FOREIGN_LETTERS: _says(b"SSH-2.0-\xff\xfe\xc3\r\n"),
    Fault.STALLED_KEX: _says(VERSION),
    Fault.STALLED_REPLY: _says(_NOTICE + VERSION + kexinit()),
    Fault.DRIPPING_KEX: _drips_kexinit,
    Fault.CLOSED_IN_KEX: _says(VERSION, _closes),
    Fault.RESET_IN_KEX: _resets_in_kex,
    Fault.HALF_CLOSED_IN_KEX: _says(VERSION, _goes),
    Fault.FAREWELL: _says(VERSION + _farewell(b"no more \x1b[31mtoday\r\n")),
    Fault.OLD_ALGORITHMS: _says(VERSION + kexinit(key_exchange=b"diffie-hellman-group1-sha1")),
    Fault.COMPRESSION_ONLY: _says(VERSION + kexinit(compression=b"zlib,zlib@openssh.com")),
    Fault.GIANT_PACKET: _sends_for_ever(VERSION + b"\xff\xff\xff\xf0\x04", b"A" * _CHUNK),
    Fault.MALFORMED_PACKET: _says(VERSION + struct.pack(">IB", 12, 200) + bytes(11)),
    Fault.MALFORMED_KEXINIT: _says(
        VERSION + packet(bytes([_KEXINIT]) + bytes(16) + b"\x7f\xff\xff\xff" + b"A" * 40)
    ),
    Fault.MALFORMED_REPLY: _says(
        VERSION + kexinit() + packet(bytes([_ECDH_REPLY]) + b"\x7f\xff\xff\xff" + b"A" * 40)
    ),
    Fault.DEBUG_MESSAGES: _sends_for_ever(
        VERSION,
        packet(struct.pack(">B?", _DEBUG, False) + text(b"nothing to see here") + text(b"")),
        pause_s=_DEBUG_S,
    ),
    Fault.IGNORE_FLOOD: _sends_for_ever(VERSION, packet(bytes([_IGNORE]) + text(b"A" * 99)) * 50),
}

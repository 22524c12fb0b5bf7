"""Play the faults before and in the key exchange, on the TCP connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

from ..fleet.plain_packets import VERSION, encode_kexinit, encode_packet, encode_string
from ..scenario.faults import Fault

__all__ = ["EARLY_FAULTS", "play_early_fault"]

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


async def play_early_fault(connection: socket.socket, fault: Fault) -> None:
    """Play one of `EARLY_FAULTS` on an accepted connection, and close it."""
    with contextlib.suppress(OSError), connection:
        await EARLY_FAULTS[fault](_Connection(connection))


class _Connection:
    """One accepted connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._connection, data)

    async def send_forever(self, data: bytes, *, pause_s: float = 0.0) -> None:
        while True:
            await self.send(data)
            if pause_s:
                await asyncio.sleep(pause_s)

    async def drip(self, data: bytes) -> None:
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(_DRIP_S)

    async def receive(self, least: int = 1) -> None:
        """Wait until the client has sent ``least`` bytes, or has closed."""
        received = 0
        while received < least and (data := await self._loop.sock_recv(self._connection, _CHUNK)):
            received += len(data)

    async def wait_for_close(self) -> None:
        """Wait until the client closes: to close first could reset what the client sends last."""
        while await self._loop.sock_recv(self._connection, _CHUNK):
            pass

    def end_sending(self) -> None:
        self._connection.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close by a reset (socket(7), SO_LINGER with a timeout of 0)."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


def _send_then(
    data: bytes, then: Callable[[_Connection], Awaitable[None]] = _Connection.wait_for_close
) -> Callable[[_Connection], Awaitable[None]]:
    async def play(connection: _Connection) -> None:
        await connection.send(data)
        await then(connection)

    return play


async def _half_close(connection: _Connection) -> None:
    """Shut down the sending direction, and read to the client's end: to close would reset."""
    connection.end_sending()
    await connection.wait_for_close()


async def _close(connection: _Connection) -> None:
    del connection


async def _reset(connection: _Connection) -> None:
    await connection.receive()
    connection.reset()


async def _reset_in_kex(connection: _Connection) -> None:
    await connection.send(VERSION)
    await connection.receive(100)  # more than a version line
    connection.reset()


async def _drip_version(connection: _Connection) -> None:
    await connection.drip(VERSION * 1000)


async def _drip_kexinit(connection: _Connection) -> None:
    await connection.send(VERSION)
    await connection.drip(encode_kexinit())


def _send_forever(
    first: bytes, data: bytes, *, pause_s: float = 0.0
) -> Callable[[_Connection], Awaitable[None]]:
    async def play(connection: _Connection) -> None:
        await connection.send(first)
        await connection.send_forever(data, pause_s=pause_s)

    return play


def _disconnect_message(reason: bytes) -> bytes:
    return encode_packet(
        struct.pack(">BI", _DISCONNECT, 7) + encode_string(reason) + encode_string(b"")
    )


EARLY_FAULTS: dict[Fault, Callable[[_Connection], Awaitable[None]]] = {
    Fault.SILENT: _Connection.wait_for_close,
    Fault.DRIPPING_VERSION: _drip_version,
    Fault.HALF_VERSION: _send_then(VERSION[:12]),
    Fault.NOTICE_ONLY: _send_then(_NOTICE),
    Fault.DROPPED: _close,
    Fault.RESET: _reset,
    Fault.HALF_CLOSED: _half_close,
    Fault.MAX_STARTUPS: _send_then(b"Exceeded MaxStartups\r\n", _half_close),
    Fault.PENALISED: _send_then(b"Not allowed at this time\r\n", _half_close),
    Fault.NOT_SSH: _send_then(_NOT_SSH, _half_close),
    Fault.GARBAGE: _send_then(bytes(range(256)) * 4, _half_close),
    Fault.SSH_1: _send_then(b"SSH-1.5-OpenSSH_2.9\r\n"),
    Fault.ENDLESS_LINES: _send_forever(b"", b"welcome to the machine\r\n" * 100),
    Fault.ENDLESS_LINE: _send_forever(b"", b"A" * _CHUNK),
    Fault.FOREIGN_LETTERS: _send_then(b"SSH-2.0-\xff\xfe\xc3\r\n"),
    Fault.STALLED_KEX: _send_then(VERSION),
    Fault.STALLED_REPLY: _send_then(_NOTICE + VERSION + encode_kexinit()),
    Fault.DRIPPING_KEX: _drip_kexinit,
    Fault.CLOSED_IN_KEX: _send_then(VERSION, _close),
    Fault.RESET_IN_KEX: _reset_in_kex,
    Fault.HALF_CLOSED_IN_KEX: _send_then(VERSION, _half_close),
    Fault.FAREWELL: _send_then(VERSION + _disconnect_message(b"no more \x1b[31mtoday\r\n")),
    Fault.OLD_ALGORITHMS: _send_then(
        VERSION + encode_kexinit(key_exchange=b"diffie-hellman-group1-sha1")
    ),
    Fault.COMPRESSION_ONLY: _send_then(
        VERSION + encode_kexinit(compression=b"zlib,zlib@openssh.com")
    ),
    Fault.GIANT_PACKET: _send_forever(VERSION + b"\xff\xff\xff\xf0\x04", b"A" * _CHUNK),
    Fault.MALFORMED_PACKET: _send_then(VERSION + struct.pack(">IB", 12, 200) + bytes(11)),
    Fault.MALFORMED_KEXINIT: _send_then(
        VERSION + encode_packet(bytes([_KEXINIT]) + bytes(16) + b"\x7f\xff\xff\xff" + b"A" * 40)
    ),
    Fault.MALFORMED_REPLY: _send_then(
        VERSION
        + encode_kexinit()
        + encode_packet(bytes([_ECDH_REPLY]) + b"\x7f\xff\xff\xff" + b"A" * 40)
    ),
    Fault.DEBUG_MESSAGES: _send_forever(
        VERSION,
        encode_packet(
            struct.pack(">B?", _DEBUG, False)
            + encode_string(b"nothing to see here")
            + encode_string(b"")
        ),
        pause_s=_DEBUG_S,
    ),
    Fault.IGNORE_FLOOD: _send_forever(
        VERSION, encode_packet(bytes([_IGNORE]) + encode_string(b"A" * 99)) * 50
    ),
}

"""Servers that are no good SSH servers, each a small function over one accepted connection."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["FAULTS", "VERSION", "faulty_servers"]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

VERSION = b"SSH-2.0-OpenSSH_9.2p1\r\n"

FAULTS: dict[str, Serve] = {}
"""Every fault by its name, for tables of (fault, category, phase)."""


def _fault(serve: Serve) -> Serve:
    FAULTS[serve.__name__] = serve
    return serve


@contextmanager
def faulty_servers(address: str = "127.0.0.1") -> Iterator[dict[str, int]]:
    """Every fault on a port of its own, in a process of its own: the ports by name."""
    child = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        yield json.loads(child.stdout.readline())
        child.stdin.close()  # the end of its input ends it


async def _serve_all(address: str) -> None:
    servers = {name: await asyncio.start_server(_once(s), address, 0) for name, s in FAULTS.items()}
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _once(serve: Serve) -> Serve:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    return one


async def _ever() -> None:
    await asyncio.Event().wait()


async def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _packet(payload: bytes) -> bytes:
    """An SSH packet before any encryption (RFC 4253, 6)."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def _kexinit(kex: bytes = b"curve25519-sha256", *, cookie: bytes = bytes(16)) -> bytes:
    lists = (kex, b"ssh-ed25519", *[b"aes128-ctr"] * 2, *[b"hmac-sha2-256"] * 2, b"none", b"none")
    body = b"".join(struct.pack(">I", len(each)) + each for each in (*lists, b"", b""))
    return _packet(b"\x14" + cookie + body + bytes(5))


# Before the version line.


@_fault
async def silence(reader, writer):
    """Accepts and says nothing."""
    await _ever()


@_fault
async def one_byte_a_while(reader, writer):
    """The version line, so slowly that nobody lives to see its end."""
    for byte in VERSION * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.2)


@_fault
async def closed_at_once(reader, writer):
    """Closes without a word."""


@_fault
async def reset_at_once(reader, writer):
    """Resets without a word, once the client has said who it is."""
    await reader.readline()
    await _reset(writer)


@_fault
async def max_startups(reader, writer):
    """What sshd does with a connection too many."""
    writer.write(b"Exceeded MaxStartups\r\n")
    await writer.drain()


@_fault
async def garbage(reader, writer):
    """Bytes of no protocol, and the end."""
    writer.write(bytes(range(256)) * 4)
    await writer.drain()


@_fault
async def http(reader, writer):
    """A web server that is asked something it does not understand."""
    await reader.readline()
    writer.write(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n<html>")
    await writer.drain()


@_fault
async def endless_lines(reader, writer):
    """Line after line, never a version."""
    while True:
        writer.write(b"welcome to the machine\r\n" * 100)
        await writer.drain()


@_fault
async def endless_line(reader, writer):
    """One line without an end."""
    while True:
        writer.write(b"A" * 4096)
        await writer.drain()


@_fault
async def ssh_1(reader, writer):
    """A server of the last millennium."""
    writer.write(b"SSH-1.5-OpenSSH_2.9\r\n")
    await reader.read()


# In the key exchange.


@_fault
async def silence_after_the_version(reader, writer):
    """Only says who it is."""
    writer.write(VERSION)
    await _ever()


@_fault
async def silence_after_lines_and_the_version(reader, writer):
    """RFC 4253, 4.2: a server may say other things first."""
    writer.write(b"unauthorised access is prohibited\r\nreally\r\n" + VERSION)
    await _ever()


@_fault
async def closed_after_the_version(reader, writer):
    """Goes away after its version."""
    await reader.readline()
    writer.write(VERSION)
    await writer.drain()


@_fault
async def reset_in_the_key_exchange(reader, writer):
    """Resets once the client has proposed algorithms."""
    writer.write(VERSION)
    await reader.readline()
    await reader.readexactly(100)
    await _reset(writer)


@_fault
async def no_common_key_exchange(reader, writer):
    """Knows nothing but what is too old."""
    writer.write(VERSION + _kexinit(b"diffie-hellman-group1-sha1"))
    await reader.read()


@_fault
async def a_packet_of_4_gigabytes(reader, writer):
    """Says so, and sends on."""
    writer.write(VERSION + b"\xff\xff\xff\xf0\x04")
    while True:
        writer.write(b"A" * 4096)
        await writer.drain()


@_fault
async def a_spoilt_key_exchange(reader, writer):
    """A KEXINIT whose lists run over its end."""
    writer.write(VERSION + _packet(b"\x14" + bytes(16) + b"\x7f\xff\xff\xff" + b"A" * 40))
    await reader.read()


@_fault
async def endless_debug_messages(reader, writer):
    """Legal, and never gets anywhere (RFC 4253, 11.3)."""
    text = b"nothing to see here"
    message = _packet(b"\x04\x00" + struct.pack(">I", len(text)) + text + bytes(4))
    writer.write(VERSION)
    while True:
        writer.write(message * 50)
        await writer.drain()
        await asyncio.sleep(0.01)


@_fault
async def a_version_of_other_letters(reader, writer):
    """RFC 4253, 4.2, wants US-ASCII."""
    writer.write(b"SSH-2.0-\xff\xfe\xc3\r\n")
    await reader.read()


@_fault
async def a_farewell(reader, writer):
    """Sends a disconnect with its reason, with an escape in it."""
    text = b"no more \x1b[31mtoday\r\n"
    writer.write(
        VERSION + _packet(b"\x01" + struct.pack(">II", 7, len(text)) + text + struct.pack(">I", 0))
    )
    await reader.read()


if __name__ == "__main__":
    asyncio.run(_serve_all(sys.argv[1]))

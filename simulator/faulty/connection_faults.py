"""Break the connection of a simulated host: for faults of its output and of its forwarding."""

from __future__ import annotations

import os
import socket
import struct

import asyncssh

__all__ = ["corrupt", "disconnect", "half_close", "reset"]

_UNSIGNED = (b"\0\0\0\x20" + bytes(48)) * 64
"""Packets of 32 bytes in the form of AES-GCM, with a tag of zeros (RFC 5647, 7.1)."""


def reset(connection: asyncssh.SSHServerConnection) -> None:
    """Close by a reset (socket(7), SO_LINGER with a timeout of 0)."""
    sock = connection.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()


def half_close(connection: asyncssh.SSHServerConnection) -> None:
    """Shut down the own direction, and keep the connection."""
    # asyncio's socket objects refuse shutdown(); a second object of the descriptor allows it.
    with socket.socket(fileno=os.dup(_descriptor(connection))) as same:
        same.shutdown(socket.SHUT_WR)


def disconnect(connection: asyncssh.SSHServerConnection) -> None:
    """Disconnect with a reason that holds a terminal escape sequence.

    As sshd does (ssh_packet_disconnect() of its packet.c): the channels are not closed before.
    asyncssh's own method closes them, and a host behind it may then fail while the jump host is up.
    """
    connection._send_disconnect(asyncssh.DISC_BY_APPLICATION, "bye \x1b[31m", "")  # noqa: SLF001
    connection._force_close(None)  # noqa: SLF001 (no public method sends the message alone)


def corrupt(connection: asyncssh.SSHServerConnection) -> None:
    """Send bytes with a wrong authentication tag."""
    os.write(_descriptor(connection), _UNSIGNED)


def _descriptor(connection: asyncssh.SSHServerConnection) -> int:
    number: int = connection.get_extra_info("socket").fileno()
    return number

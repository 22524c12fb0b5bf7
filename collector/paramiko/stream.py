"""The byte stream below an SSH connection, which paramiko uses instead of a socket.

paramiko's exceptions do not distinguish silence, garbage and a dropped connection, its limits are
per read, and a packet may claim 4 GB. So the stream notes what came before the version line and how
it ended, and enforces a budget. A timeout outside calls `abort`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable

import paramiko

from ..ssh.byte_budget import ByteBudget
from ..ssh.negotiation import OPENING_BYTES

__all__ = ["ByteStream"]

# RFC 4253, 4.2: other lines may come before it, and it is US-ASCII.
_VERSION = re.compile(rb"(?:^|\n)SSH-(?:2\.0|1\.99)-[ -~]*\r?\n")


class ByteStream:
    """Has the methods of a socket that paramiko uses; paramiko's threads and ours may call them."""

    def __init__(self, stream: socket.socket | paramiko.Channel) -> None:
        self.head = b""
        """What came before the version line was complete."""
        self.version_seen = False
        self.opening: bytes | None = b""
        """As `SshStream.opening`."""
        self.ended = False
        """The far side closed or broke the connection."""
        self.budget = ByteBudget()
        self.fault: OSError | None = None
        """What the stream raised when it broke; None for a plain end."""
        self.on_version: Callable[[], None] = _ignore
        """Called in paramiko's thread once the version line is there."""
        self._stream = stream
        self._aborted = threading.Event()

    def abort(self) -> None:
        """End every call on this stream, from any thread, at once and without blocking.

        The descriptor stays open until `release`: a thread that is about to read from it might
        otherwise read from another host's connection with the same number.
        """
        self._aborted.set()
        if isinstance(self._stream, socket.socket):
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
        else:
            self._stream.in_buffer.close()  # wakes the reader; close() itself may block

    def release(self) -> None:
        """Close the stream, once no thread reads from it any more."""
        self.abort()
        self._stream.close()

    # Called by paramiko.

    @property
    def _closed(self) -> bool:
        """As sockets have it: paramiko.Transport.stop_thread() looks at it."""
        return self._aborted.is_set()

    def settimeout(self, seconds: float | None) -> None:
        """For each further call; raises TimeoutError then."""
        self._stream.settimeout(seconds)

    def close(self) -> None:
        """Only `abort`, for the reason given there: paramiko calls this from any thread."""
        self.abort()

    def send(self, data: bytes) -> int:
        """As a socket's."""
        if self._aborted.is_set():
            raise BrokenPipeError
        return self._stream.send(data)

    def recv(self, size: int) -> bytes:
        """As a socket's; empty also once aborted or over the budget."""
        if self._aborted.is_set():
            return b""
        try:
            data = self._stream.recv(size)
        except TimeoutError:
            raise
        except OSError as error:
            self.ended, self.fault = True, error
            raise
        if not data:
            self.ended = not self._aborted.is_set()
            return b""
        opening = self.opening  # set to None by another thread
        if opening is not None and len(opening) < OPENING_BYTES:
            self.opening = (opening + data)[:OPENING_BYTES]
        if not self.version_seen:
            self._look_for_version(data)
        return data if self.budget.spend(len(data)) else b""

    def _look_for_version(self, data: bytes) -> None:
        self.head += data  # at most the budget
        if _VERSION.search(self.head):
            self.version_seen = True
            self.head = b""
            self.budget.expect_login()
            self.on_version()


def _ignore() -> None:
    """Nothing is registered."""

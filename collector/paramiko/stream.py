"""What paramiko reads and writes instead of a socket: the same bytes, watched and bounded.

paramiko's exceptions do not tell silence, garbage and a dropped connection apart, its own limits
are per read, and a packet may claim 4 GB. So the wire notes what came before the version line,
how the stream ended, and cuts it off at a budget. One clock, outside, calls `abort`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable

import paramiko

from ..ssh.byte_budget import ByteBudget

__all__ = ["ByteStream"]

# RFC 4253, 4.2: other lines may come before it, and it is US-ASCII.
_VERSION = re.compile(rb"(?:^|\n)SSH-(?:2\.0|1\.99)-[ -~]*\r?\n")


class ByteStream:
    """Has the methods of a socket that paramiko uses; both its threads and ours may call them."""

    def __init__(self, stream: socket.socket | paramiko.Channel) -> None:
        self.head = b""
        """What came while the version line was not whole."""
        self.version_seen = False
        self.ended = False
        """The far side closed or broke the connection."""
        self.budget = ByteBudget()
        self.fault: OSError | None = None
        """What the stream raised when it broke; None for a plain end."""
        self.on_version: Callable[[], None] = _nobody
        """Called in paramiko's thread once the version line is there."""
        self._stream = stream
        self._aborted = threading.Event()

    def abort(self) -> None:
        """End whatever goes on over this wire, from any thread, at once and without blocking.

        The descriptor stays open until `release`: closed under a thread that is about to read
        from it, its number might already belong to another host's connection.
        """
        self._aborted.set()
        if isinstance(self._stream, socket.socket):
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
        else:
            self._stream.in_buffer.close()  # wakes the reader; close() itself may block

    def release(self) -> None:
        """Close the stream, once nobody reads from it any more."""
        self.abort()
        self._stream.close()

    # What paramiko calls.

    @property
    def _closed(self) -> bool:
        """As sockets have it: paramiko.Transport.stop_thread() looks at it."""
        return self._aborted.is_set()

    def settimeout(self, seconds: float | None) -> None:
        """For each further call; raises TimeoutError then."""
        self._stream.settimeout(seconds)

    def close(self) -> None:
        """Called by paramiko in either thread: no more than `abort`, for the reason given there."""
        self.abort()

    def send(self, data: bytes) -> int:
        """As a socket's."""
        if self._aborted.is_set():
            raise BrokenPipeError
        return self._stream.send(data)

    def recv(self, size: int) -> bytes:
        """As a socket's; an end of the stream for whatever keeps it from going on."""
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


def _nobody() -> None:
    """Nobody wants to know."""

"""A connection to a lean host: each flight of the client's is answered in one write.

Round-trip time. What a client sends is answered one round trip after it came. TCP's own handshake
cannot be delayed on loopback, so the version line, which in life reaches the client two round
trips after it began to connect, is sent two round trips after the connection came about: one for
the handshake, one for the version. What the client sent before that waits for it; in life it would
not have been answered earlier either. uvloop's timers count whole milliseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import cast

from .lean_dialogue import LeanDialogue, LeanServer
from .lean_host import LeanHost

__all__ = ["LeanConnection", "connections_to"]


def connections_to(
    hosts: Mapping[str, LeanHost],
    server: LeanServer,
    connected: set[LeanConnection],
    *,
    rtt_s: float = 0.0,
) -> Callable[[], LeanConnection]:
    """What an event loop's server makes connections with.

    ``hosts`` by address; ``connected`` holds the open ones.
    """

    def connection() -> LeanConnection:
        return LeanConnection(hosts, server, connected, rtt_s)

    return connection


class LeanConnection(asyncio.Protocol):
    """One of them; which host it is to, its own address says."""

    __slots__ = (
        "_answered",
        "_arrived",
        "_connected",
        "_dialogue",
        "_greets_at",
        "_hosts",
        "_rtt_s",
        "_server",
        "_transport",
    )

    def __init__(
        self,
        hosts: Mapping[str, LeanHost],
        server: LeanServer,
        connected: set[LeanConnection],
        rtt_s: float,
    ) -> None:
        self._hosts = hosts
        self._server = server
        self._connected = connected
        self._rtt_s = rtt_s
        self._transport: asyncio.WriteTransport | None = None
        self._dialogue: LeanDialogue | None = None
        self._arrived: deque[bytes] = deque()
        self._greets_at = 0.0
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, at once or when it is time."""
        # uvloop's transports are asyncio's by their methods, not by their class.
        writable = cast("asyncio.WriteTransport", transport)
        host = self._hosts.get(writable.get_extra_info("sockname")[0])
        if host is None:
            writable.abort()
            return
        self._transport = writable
        self._dialogue = LeanDialogue(host, self._server)
        self._connected.add(self)
        counts = self._server.counts
        counts.connections += 1
        counts.open_connections += 1
        if self._rtt_s:
            loop = asyncio.get_running_loop()
            self._greets_at = loop.time() + 2 * self._rtt_s
            loop.call_at(self._greets_at, self._greet)
        else:
            self._greet()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Let go of everything."""
        self._transport = self._dialogue = None
        self._arrived.clear()
        if self in self._connected:
            self._connected.remove(self)
            self._server.counts.open_connections -= 1

    def abort(self) -> None:
        """End it without a word."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer, at once or when it is time."""
        if not self._rtt_s:
            self._answer(data)
            return
        loop = asyncio.get_running_loop()
        self._arrived.append(data)
        # Each timer takes the oldest, so that timers of one moment cannot change the order.
        loop.call_at(max(loop.time() + self._rtt_s, self._greets_at), self._answer_oldest)

    def _answer_oldest(self) -> None:
        if self._arrived:
            self._answer(self._arrived.popleft())

    def _answer(self, data: bytes) -> None:
        dialogue, transport = self._dialogue, self._transport
        if dialogue is None or transport is None:
            return
        answer = dialogue.take(data)
        if answer:
            self._server.counts.flights += 1
            self._write(transport, answer)
        if dialogue.over:
            transport.close()

    def _greet(self) -> None:
        if self._dialogue is not None and self._transport is not None:
            self._server.counts.flights += 1
            self._write(self._transport, self._dialogue.greeting())

    def _write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        counts = self._server.counts
        counts.writes += 1
        counts.bytes_sent += len(data)
        transport.write(data)

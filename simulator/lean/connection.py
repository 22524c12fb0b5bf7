"""A connection to a lean host: each flight of the client's is answered in one write.

Round-trip time. What a client sends is answered one round trip after it came. TCP's own handshake
cannot be delayed on loopback, so the version line, which in life reaches the client two round
trips after it began to connect, is sent two round trips after the connection came about: one for
the handshake, one for the version. What the client sent before that waits for it; in life it would
not have been answered earlier either. uvloop's timers count whole milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from .delay import Delay
from .dialogue import LeanDialogue, LeanServer
from .host import LeanHost

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
    way = _Way(rtt_s) if rtt_s else None

    def connection() -> LeanConnection:
        return LeanConnection(hosts, server, connected, way)

    return connection


class _Way:
    """Between the clients and the hosts."""

    def __init__(self, rtt_s: float) -> None:
        self.once = Delay(rtt_s)
        self.twice = Delay(2 * rtt_s)


class LeanConnection(asyncio.Protocol):
    """One of them; which host it is to, its own address says."""

    __slots__ = (
        "_connected",
        "_dialogue",
        "_early",
        "_hosts",
        "_server",
        "_transport",
        "_way",
    )

    def __init__(
        self,
        hosts: Mapping[str, LeanHost],
        server: LeanServer,
        connected: set[LeanConnection],
        way: _Way | None,
    ) -> None:
        self._hosts = hosts
        self._server = server
        self._connected = connected
        self._way = way
        self._transport: asyncio.WriteTransport | None = None
        self._dialogue: LeanDialogue | None = None
        self._early: list[bytes] | None = None
        """What came so early that it waits for the version line; None: that is sent."""

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
        if self._way is None:
            self._greet(b"")
        else:
            self._early = []
            self._way.twice.call(self._greet, b"")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Let go of everything."""
        self._transport = self._dialogue = None
        if self in self._connected:
            self._connected.remove(self)
            self._server.counts.open_connections -= 1

    def abort(self) -> None:
        """End it without a word."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer, at once or when it is time."""
        if self._way is None:
            self._answer(data)
        else:
            self._way.once.call(self._answer, data)

    def _answer(self, data: bytes) -> None:
        dialogue, transport = self._dialogue, self._transport
        if dialogue is None or transport is None:
            return
        if self._early is not None:
            self._early.append(data)
            return
        answer = dialogue.take(data)
        if answer:
            self._server.counts.flights += 1
            self._write(transport, answer)
        if dialogue.over:
            transport.close()

    def _greet(self, _nothing: bytes) -> None:
        if self._dialogue is not None and self._transport is not None:
            self._server.counts.flights += 1
            self._write(self._transport, self._dialogue.greeting())
            early, self._early = self._early, None
            if early:
                self._answer(b"".join(early))

    def _write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        counts = self._server.counts
        counts.writes += 1
        counts.bytes_sent += len(data)
        transport.write(data)

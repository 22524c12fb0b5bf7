"""A connection to a lean host, which answers each flight of the client in one write.

The simulated round-trip time: each flight is answered one round trip after it arrives. TCP's own
handshake cannot be delayed on loopback. In a network, the version line reaches the client two round
trips after its first SYN, so the host sends it two round trips after the connection is established,
one for the handshake and one for the version. Data that arrives before waits for it; in a network
it would not be answered earlier either. uvloop's timers have a resolution of one millisecond.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from .delay import Delay
from .dialogue import LeanDialogue, LeanServer
from .host import LeanHost

__all__ = ["LeanConnection", "make_connection_factory"]


def make_connection_factory(
    hosts: Mapping[str, LeanHost],
    server: LeanServer,
    connected: set[LeanConnection],
    *,
    rtt_s: float = 0.0,
) -> Callable[[], LeanConnection]:
    """Return the protocol factory of an event loop's server.

    ``hosts`` are by address; ``connected`` holds the open connections.
    """
    delay = _NetworkDelay(rtt_s) if rtt_s else None

    def make_connection() -> LeanConnection:
        return LeanConnection(hosts, server, connected, delay)

    return make_connection


class _NetworkDelay:
    """The delay between clients and hosts."""

    def __init__(self, rtt_s: float) -> None:
        self.one_round_trip = Delay(rtt_s)
        self.two_round_trips = Delay(2 * rtt_s)


class LeanConnection(asyncio.Protocol):
    """One connection; its local address identifies the host."""

    __slots__ = (
        "_connected",
        "_delay",
        "_dialogue",
        "_early",
        "_hosts",
        "_server",
        "_transport",
    )

    def __init__(
        self,
        hosts: Mapping[str, LeanHost],
        server: LeanServer,
        connected: set[LeanConnection],
        delay: _NetworkDelay | None,
    ) -> None:
        self._hosts = hosts
        self._server = server
        self._connected = connected
        self._delay = delay
        self._transport: asyncio.WriteTransport | None = None
        self._dialogue: LeanDialogue | None = None
        self._early: list[bytes] | None = None
        """Data that arrived before the version line was sent; None: it has been sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the version line, at once or after the delay."""
        # uvloop's transports have asyncio's methods but not its class.
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
        if self._delay is None:
            self._greet(b"")
        else:
            self._early = []
            self._delay.two_round_trips.call(self._greet, b"")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Drop the references to the transport and the host's state."""
        self._transport = self._dialogue = None
        if self in self._connected:
            self._connected.remove(self)
            self._server.counts.open_connections -= 1

    def abort(self) -> None:
        """Close the connection without a message."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer, at once or after the delay."""
        if self._delay is None:
            self._answer(data)
        else:
            self._delay.one_round_trip.call(self._answer, data)

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

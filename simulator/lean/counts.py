"""The counters of a lean fleet."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeanCounts"]


@dataclass(slots=True)
class LeanCounts:
    """Totals of all hosts of a fleet since its start.

    The clients' round trips are ``connections`` (TCP's handshakes) plus ``flights`` (answers of
    hosts, their version lines included).
    """

    connections: int = 0
    logins: int = 0
    """Successful logins."""
    auth_failures: int = 0
    """Refused logins, without the requests ``none``, which query the methods."""
    protocol_errors: int = 0
    """Connections that end because the client violates the protocol."""
    flights: int = 0
    bytes_sent: int = 0
    packets_sent: int = 0
    """SSH packets, without version lines."""
    writes: int = 0
    bytes_received: int = 0
    packets_received: int = 0
    open_connections: int = 0
    """Connections that are open now."""

"""What a lean fleet counts while it answers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeanCounts"]


@dataclass(slots=True)
class LeanCounts:
    """Of all hosts of a fleet together, from its start on.

    A client's round trips are ``connections`` (TCP's own) plus ``flights``: how often a host
    answered something new, its version line included.
    """

    connections: int = 0
    logins: int = 0
    """Logins that came through."""
    auth_failures: int = 0
    """Refused ones; the request ``none``, by which a client asks for the methods, is not one."""
    protocol_errors: int = 0
    """Connections that were ended because of what the client sent."""
    flights: int = 0
    bytes_sent: int = 0
    packets_sent: int = 0
    """SSH packets; the version line is not one."""
    writes: int = 0
    bytes_received: int = 0
    packets_received: int = 0
    open_connections: int = 0
    """Now."""

"""The interface of the two paths to asyncssh's client (`client_by_version`), and what both get."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from typing import Protocol

from ...core.record import record
from ..ssh.negotiation import SupportedAlgorithms
from .slim_import import asyncssh
from .stream import ByteStream

__all__ = ["Client", "ClientConnection", "ConnectionOptions", "LoginOwner", "LoginPlan"]


class LoginOwner(asyncssh.SSHClient):
    """asyncssh's callbacks for one connection, and two that `fast_connection` alone calls."""

    def note_key(self, *, is_sent: bool) -> None:
        """Note whether the last key that the owner gave is sent, or has no usable signature."""

    def note_refusal(self, wanted: Sequence[str] | None) -> None:
        """Note that the server refused a request to log in.

        ``wanted`` are the methods that it wants besides the one that it accepted (partial success,
        RFC 4252 section 5.1); None: it accepted nothing.
        """


@record
class LoginPlan:
    """What connections with the same settings have in common."""

    options: asyncssh.SSHClientConnectionOptions
    key_at_once: bool
    """The first key to be offered needs nothing that the server says before."""
    signed_at_once: bool
    """It is the only one, and may be used without a question."""
    offers: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    """The offers of `fast_connection` for the key exchange, behind the cookie (RFC 4253 section
    7.1), by the algorithms of the host's key."""


@record
class ConnectionOptions:
    """What a connection does not share with others."""

    host: str
    port: int
    host_key_alias: str
    """The name that a host certificate must be valid for."""
    host_key_algorithms: tuple[str, ...]
    revoked_keys: Collection[asyncssh.SSHKey]
    """Keys to refuse, also within a certificate."""
    owner: LoginOwner
    """Decides on all other keys and supplies the credentials."""
    keepalive_s: float
    """How often the server is probed while it sends nothing; 0: never."""


class ClientConnection(Protocol):
    """A connection that is logged in."""

    async def begin_session(
        self,
        session_factory: Callable[[], asyncssh.SSHClientSession[bytes]],
        command: str | None = None,
        subsystem: str | None = None,
    ) -> asyncssh.SSHClientChannel[bytes]:
        """Open a session that runs a command or a subsystem, without a terminal or an environment.

        Raises what asyncssh's `create_session` raises.
        """
        ...

    def expect_last_session(self) -> None:
        """Note that the session opened next is the last: the connection ends with it."""
        ...

    def drop(self) -> None:
        """End the connection, also from a callback of its session; ignore what else has arrived."""
        ...

    async def open_stream(self, stream: ByteStream, host: str, port: int) -> None:
        """Connect ``stream`` to ``host`` from the server (RFC 4254 section 7.2).

        Its data is given back to the budget of the server, a bastion (`ByteBudget.give_back`).
        Raises what asyncssh's `create_connection` raises.
        """
        ...

    def abort(self) -> None:
        """End the connection without a word."""
        ...

    async def wait_closed(self) -> None:
        """Wait until it has ended."""
        ...


class Client(Protocol):
    """One of the two paths; a module."""

    def supported_algorithms(self) -> SupportedAlgorithms:
        """The algorithms that the installed asyncssh has."""
        ...

    async def log_in(
        self, stream: ByteStream, plan: LoginPlan, own: ConnectionOptions
    ) -> ClientConnection:
        """Log in over ``stream``.

        Raises what `asyncssh.connect` raises; the connection is closed then.
        """
        ...

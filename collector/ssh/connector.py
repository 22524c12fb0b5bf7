"""From an attempt to a connection that is logged in, by whatever route the host is reached.

Both SSH transports take these steps; each adds how its library opens a stream and logs in.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Generic, Protocol, TypeVar

from ...inventory.models import Secret, SshSettings
from ..errors import HostError, Phase
from ..runtime.daemon_threads import DaemonThreads
from ..transport import Attempt, TransportSettings
from .algorithms import host_key_order
from .connect_timeout import ConnectTimeout
from .connection import SshConnection, SshStream
from .credentials.store import Credentials
from .host_keys.policy import HostKeyCheck, HostKeyVerifier, OtherKeyTypesError
from .negotiation import Offer, SupportedAlgorithms, choose_offer, describe_choice
from .routes.bastions import SharedBastion
from .routes.resolver import Address
from .routes.routes import Router
from .settings import resolve_bastion_settings, resolve_settings

__all__ = ["PreparedLogin", "SshConnector"]

_BASTION_KEEPALIVE_S = 10.0


class PreparedLogin(Protocol):
    """What all logins with the same settings share."""

    @property
    def offer(self) -> Offer:
        """The algorithms to offer."""
        ...


P = TypeVar("P", bound=PreparedLogin)
S = TypeVar("S", bound=SshStream)
C = TypeVar("C", bound=SshConnection[Any])


class SshConnector(ABC, Generic[P, C, S]):
    """Makes the connections of one scan and keeps what they share. Belongs to one event loop.

    ``wrap_socket``, ``open_channel`` and ``connect_directly`` open streams, as `Router` takes them.
    """

    def __init__(
        self,
        settings: TransportSettings,
        *,
        wrap_socket: Callable[[socket.socket, Attempt, AsyncExitStack], S],
        open_channel: Callable[[SharedBastion[C], Attempt, AsyncExitStack], Awaitable[S]],
        connect_directly: Callable[[Attempt, AsyncExitStack, Address], Awaitable[S]] | None = None,
    ) -> None:
        self._settings = settings
        self._may_ask = settings.ask_password is not None
        self._verifier = HostKeyVerifier(settings)
        self._credentials = Credentials(settings)
        # One thread: unlocking keys is rare, and a person answers one question at a time.
        self._key_thread = DaemonThreads(1, "sockfleet-keys")
        self._notes: dict[str, None] = {}
        self._prepared: dict[SshSettings, asyncio.Future[P | HostError]] = {}
        self._router = Router(
            self._open_bastion,
            wrap_socket=wrap_socket,
            open_channel=open_channel,
            connect_directly=connect_directly,
        )

    async def open(self, attempt: Attempt, *, keepalive_s: float = 0.0) -> C:
        """Open a connection to the attempt's host; the caller must close it.

        ``keepalive_s``: how often the server is probed while it sends nothing; 0: never. Raises
        HostError, and has closed everything then.
        """
        ssh = resolve_settings(attempt.host.ssh, self._settings.defaults)
        return await self._open(attempt, ssh, keepalive_s)

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Transport.notes`: unusable lines of known_hosts, keys that were added or left out,
        algorithms that are not offered."""
        return (*self._credentials.notes, *self._notes, *self._verifier.notes)

    def _choose_offer(self, ssh: SshSettings, supported: SupportedAlgorithms) -> Offer:
        """As `choose_offer`, with a note where a name of the user's list cannot be offered."""
        self._notes.update(dict.fromkeys(describe_choice(ssh, supported)))
        return choose_offer(ssh, supported)

    async def aclose(self) -> None:
        """Close the bastions' connections and let the threads end."""
        await self._router.aclose()
        self._key_thread.close()

    @abstractmethod
    def _new_connection(self, attempt: Attempt) -> C:
        """Make a connection that is not open yet."""

    @abstractmethod
    def _prepare(self, ssh: SshSettings) -> P:
        """Load the credentials and choose the algorithms; may block and ask for passphrases.

        Raises HostError ``config``.
        """

    @abstractmethod
    async def _log_in(
        self,
        connection: C,
        prepared: P,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
        *,
        clock: ConnectTimeout,
        keepalive_s: float,
    ) -> None:
        """Log in over the stream of ``connection``; ``host_keys`` are the algorithms to offer.

        Raises what the library raises; what it has opened is closed then.
        """

    async def _open_bastion(self, attempt: Attempt) -> C:
        ssh = resolve_bastion_settings(attempt.host.ssh, self._settings.defaults)
        connection = await self._open(attempt, ssh, _BASTION_KEEPALIVE_S)
        connection.expect_channels()
        return connection

    async def _open(self, attempt: Attempt, ssh: SshSettings, keepalive_s: float) -> C:
        attempt.phase = Phase.CONFIG
        connection = self._new_connection(attempt)
        try:
            prepared = await self._prepare_once(ssh)
            check = self._verifier.for_host(attempt.host)
        except Exception as error:
            await connection.raise_explained(error)
        host_keys = host_key_order(prepared.offer.host_keys, check.algorithms)
        try:
            return await self._connect(connection, ssh, prepared, check, host_keys, keepalive_s)
        except OtherKeyTypesError as error:
            host_keys = tuple(name for name in error.algorithms if name in host_keys)
            if not host_keys:
                raise
        connection = self._new_connection(attempt)
        return await self._connect(connection, ssh, prepared, check, host_keys, keepalive_s)

    async def _connect(
        self,
        connection: C,
        ssh: SshSettings,
        prepared: P,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
        keepalive_s: float,
    ) -> C:
        attempt = connection.attempt
        limit_s = ssh.connect_timeout_s or self._settings.connect_timeout_s
        undo = AsyncExitStack()
        try:
            try:
                route = await self._router.open(attempt, ssh, limit_s=limit_s, undo=undo)
                connection.route = route
                attempt.phase = Phase.HANDSHAKE_SLOT
                async with (
                    attempt.handshake(),
                    ConnectTimeout(attempt, limit_s, spent_s=route.spent_s) as clock,
                ):
                    attempt.phase = Phase.BANNER
                    connection.offer, connection.host_keys = prepared.offer, host_keys
                    await self._log_in(
                        connection,
                        prepared,
                        check,
                        host_keys,
                        clock=clock,
                        keepalive_s=keepalive_s,
                    )
                route.stream.opening = None
            except Exception as error:
                await connection.raise_explained(error)
        except BaseException:
            await undo.aclose()
            raise
        connection.undo = route.remaining_cleanup(undo) if connection.closes_its_stream else undo
        return connection

    async def _prepare_once(self, ssh: SshSettings) -> P:
        making = self._prepared.get(ssh)
        if making is None:
            making = self._prepared[ssh] = self._key_thread.run(lambda: self._try_prepare(ssh))
        prepared = making.result() if making.done() else await asyncio.shield(making)
        if isinstance(prepared, HostError):  # raised anew for each host: tracebacks are not shared
            raise HostError(prepared.category, prepared.phase, prepared.message)
        return prepared

    def _try_prepare(self, ssh: SshSettings) -> P | HostError:
        try:
            return self._prepare(ssh)
        except HostError as error:
            return error

    async def _ask_password(
        self, attempt: Attempt, user: str, prompt: str, clock: ConnectTimeout
    ) -> Secret | None:
        """Put a server's prompt to the user; the time until the answer is not the host's."""
        ask = self._settings.ask_password
        if ask is None:
            return None
        with clock.stopped():
            return await self._key_thread.run(lambda: ask(f"{user}@{attempt.host.name}: {prompt}"))

"""From an attempt to a paramiko connection that is logged in, by whatever way it is reached."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import paramiko

from ...core.record import record
from ...core.text import endpoint
from ...inventory.models import Secret, SshSettings
from ..errors import HostError, Phase
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.connect_timeout import ConnectTimeout
from ..ssh.credentials.store import Credentials
from ..ssh.host_keys.policy import HostKeyCheck, HostKeyVerifier
from ..ssh.routes.bastions import SharedBastion
from ..ssh.routes.routes import Route, Router
from ..ssh.settings import resolve_bastion_settings, resolve_settings
from ..ssh.transport import retry_with_known_key_types
from ..transport import Attempt, TransportSettings
from .connection import END_S, Connection, phases_of, run_to_end
from .credentials import credentials_for
from .errors import disconnect_text, translate_error
from .login import LoginCredentials, log_in
from .session import Offer, RefusedChannelError, Session, read_offer
from .stream import ByteStream

__all__ = ["Connector"]

_BASTION_KEEPALIVE_S = 10


@record
class _Prepared:
    """Made once for all hosts with the same settings."""

    ssh: SshSettings
    means: LoginCredentials
    offer: Offer


class Connector:
    """Makes connections for one scan and keeps what they share."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._verifier = HostKeyVerifier(settings)
        self._credentials = Credentials(settings)
        # One for keys: unlocking is rare, and a person answers one question at a time.
        self._key_thread = DaemonThreads(1, "sockfleet-keys")
        self._threads = DaemonThreads(settings.concurrency, "sockfleet-paramiko")
        self._prepared: dict[SshSettings, asyncio.Future[_Prepared | HostError]] = {}
        self._ways = Router(self._open_bastion, wrap_socket=_over, open_channel=self._through)

    @asynccontextmanager
    async def connected(self, attempt: Attempt) -> AsyncIterator[Connection]:
        """A connection for one command; it is gone when the block is left, however that happens.

        Raises HostError.
        """
        connection = await self._open(
            attempt, resolve_settings(attempt.host.ssh, self._settings.defaults)
        )
        try:
            yield connection
        except HostError as error:
            reason = await connection.way.explain(error)
            if reason is error:
                raise
            raise reason from error
        finally:
            await connection.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """Of the keys on either side."""
        return (*self._credentials.notes, *self._verifier.notes)

    async def aclose(self) -> None:
        """Let go of what connections share."""
        await self._ways.aclose()
        self._key_thread.close()
        self._threads.close()

    async def _open_bastion(self, attempt: Attempt) -> Connection:
        ssh = resolve_bastion_settings(attempt.host.ssh, self._settings.defaults)
        connection = await self._open(attempt, ssh)
        connection.session.wire.budget.expect_channels()
        connection.session.set_keepalive(_BASTION_KEEPALIVE_S)
        return connection

    async def _open(self, attempt: Attempt, ssh: SshSettings) -> Connection:
        attempt.phase = Phase.CONFIG
        prepared = await self._prepare(ssh)
        check = self._verifier.for_host(attempt.host)
        log_in = functools.partial(self._log_in, attempt, prepared, check)
        return await retry_with_known_key_types(prepared.offer.host_keys, check, log_in)

    async def _prepare(self, ssh: SshSettings) -> _Prepared:
        making = self._prepared.get(ssh)
        if making is None:
            making = self._prepared[ssh] = self._key_thread.run(lambda: self._made(ssh))
        prepared = await asyncio.shield(making)
        if isinstance(prepared, HostError):  # raised anew for each host: tracebacks are not shared
            raise HostError(prepared.category, prepared.phase, prepared.message)
        return prepared

    def _made(self, ssh: SshSettings) -> _Prepared | HostError:
        may_ask = self._settings.ask_password is not None
        try:
            means = credentials_for(ssh, self._credentials, may_ask=may_ask)
            return _Prepared(ssh=ssh, means=means, offer=read_offer(ssh))
        except HostError as error:
            return error

    async def _log_in(
        self,
        attempt: Attempt,
        prepared: _Prepared,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
    ) -> Connection:
        ssh = prepared.ssh
        limit_s = ssh.connect_timeout_s or self._settings.connect_timeout_s
        way: Route[Connection, ByteStream] | None = None
        async with AsyncExitStack() as undo:
            try:
                way = await self._ways.open(attempt, ssh, limit_s=limit_s, undo=undo)
                attempt.phase = Phase.HANDSHAKE_SLOT
                async with (
                    attempt.handshake(),
                    ConnectTimeout(attempt, limit_s, spent_s=way.spent_s) as clock,
                ):
                    attempt.phase = Phase.BANNER
                    session = await self._session(
                        attempt, prepared, check, host_keys, way.stream, clock
                    )
            except Exception as error:
                failure = translate_error(
                    error,
                    where=_where(attempt),
                    phase=attempt.phase,
                    wire=None if way is None else way.stream,
                    session=None,
                )
                if way is not None:
                    failure = await way.explain(failure)
                if failure is error:
                    raise
                raise failure from error
            return Connection(
                attempt=attempt,
                where=_where(attempt),
                way=way,
                session=session,
                threads=self._threads,
                undo=undo.pop_all(),
            )

    async def _session(
        self,
        attempt: Attempt,
        prepared: _Prepared,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
        wire: ByteStream,
        clock: ConnectTimeout,
    ) -> Session:
        loop = asyncio.get_running_loop()
        where, user = _where(attempt), prepared.means.user
        reach = phases_of(attempt)

        def ask(prompt: str) -> Secret | None:
            question = self._ask(f"{user}@{attempt.host.name}: {prompt}", clock)
            return asyncio.run_coroutine_threadsafe(question, loop).result()

        work = self._threads.run(
            lambda: log_in(
                wire,
                where,
                offer=replace(prepared.offer, host_keys=host_keys),
                check=check,
                means=prepared.means,
                ask=ask if self._settings.ask_password is not None else None,
                reach=reach,
            )
        )
        try:
            return await run_to_end(work, wire)
        except asyncio.CancelledError:
            work.add_done_callback(self._dispose_unwanted)
            raise

    def _dispose_unwanted(self, work: asyncio.Future[Session]) -> None:
        if not work.cancelled() and work.exception() is None:
            self._threads.run(work.result().dispose)

    async def _through(
        self, shared: SharedBastion[Connection], attempt: Attempt, undo: AsyncExitStack
    ) -> ByteStream:
        host, session = attempt.host, shared.connection.session
        opening = self._threads.run(lambda: session.open_channel_to(host.address, host.port))
        try:
            wire = ByteStream(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(self._close_unwanted)
            raise
        except (RefusedChannelError, paramiko.SSHException, EOFError, OSError) as error:
            raise shared.unreachable(host, disconnect_text(error)) from error
        undo.push_async_callback(self._released, wire)
        return wire

    async def _released(self, wire: ByteStream) -> None:
        """On a thread: closing a channel sends, through a bastion that may not listen."""
        await asyncio.wait({self._threads.run(wire.release)}, timeout=END_S)

    def _close_unwanted(self, opening: asyncio.Future[paramiko.Channel]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._threads.run(opening.result().close)

    async def _ask(self, question: str, clock: ConnectTimeout) -> Secret | None:
        ask_password = self._settings.ask_password
        if ask_password is None:
            return None
        with clock.stopped():
            return await self._key_thread.run(lambda: ask_password(question))


def _over(sock: socket.socket, attempt: Attempt, undo: AsyncExitStack) -> ByteStream:
    del attempt
    wire = ByteStream(sock)
    undo.callback(wire.release)
    return wire


def _where(attempt: Attempt) -> str:
    return endpoint(attempt.address or attempt.host.address, attempt.host.port)

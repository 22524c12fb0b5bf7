"""How paramiko opens byte streams and logs in over them, on threads."""

from __future__ import annotations

import asyncio
import functools
import socket
from contextlib import AsyncExitStack
from dataclasses import replace

import paramiko

from ...core.record import record
from ...inventory.models import Secret, SshSettings
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.connect_timeout import ConnectTimeout
from ..ssh.connector import SshConnector
from ..ssh.host_keys.policy import HostKeyCheck
from ..ssh.negotiation import Offer
from ..ssh.routes.bastions import SharedBastion
from ..transport import Attempt, TransportSettings
from .connection import END_S, Connection, phase_setter, run_to_end
from .credentials import LoginCredentials, load_credentials
from .errors import error_text
from .login import log_in
from .session import SUPPORTED, RefusedChannelError, Session
from .stream import ByteStream

__all__ = ["Connector"]


@record
class _Prepared:
    """Made once for all hosts with the same settings."""

    credentials: LoginCredentials
    offer: Offer


class Connector(SshConnector[_Prepared, Connection, ByteStream]):
    """Makes the connections of one scan and keeps what they share."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(settings, wrap_socket=_wrap_socket, open_channel=self._open_channel)
        self._threads = DaemonThreads(settings.concurrency, "sockfleet-paramiko")

    async def aclose(self) -> None:
        """As `SshConnector.aclose`."""
        await super().aclose()
        self._threads.close()

    def _new_connection(self, attempt: Attempt) -> Connection:
        return Connection(attempt, self._threads)

    def _prepare(self, ssh: SshSettings) -> _Prepared:
        offer = self._choose_offer(ssh, SUPPORTED)
        credentials = load_credentials(
            ssh, self._credentials, offer.signatures, may_ask=self._may_ask
        )
        return _Prepared(credentials=credentials, offer=offer)

    async def _log_in(
        self,
        connection: Connection,
        prepared: _Prepared,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
        *,
        clock: ConnectTimeout,
        keepalive_s: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        attempt, credentials = connection.attempt, prepared.credentials
        where, set_phase = connection.where, phase_setter(attempt)

        def ask(prompt: str) -> Secret | None:
            question = self._ask_password(attempt, credentials.user, prompt, clock)
            return asyncio.run_coroutine_threadsafe(question, loop).result()

        session = Session(connection.stream, replace(prepared.offer, host_keys=host_keys))
        connection.session = session
        work = self._threads.run(
            lambda: log_in(
                session,
                where,
                check=check,
                credentials=credentials,
                listings=self._settings.agent_listings,
                ask=ask if self._may_ask else None,
                set_phase=set_phase,
                set_banner=functools.partial(setattr, attempt, "banner"),
            )
        )
        try:
            await run_to_end(work, connection.stream)
        except asyncio.CancelledError:
            work.add_done_callback(functools.partial(self._dispose_unwanted, session))
            raise
        if keepalive_s:
            session.set_keepalive(round(keepalive_s))

    def _dispose_unwanted(self, session: Session, work: asyncio.Future[None]) -> None:
        if not work.cancelled() and work.exception() is None:
            self._threads.run(session.dispose)

    async def _open_channel(
        self, shared: SharedBastion[Connection], attempt: Attempt, undo: AsyncExitStack
    ) -> ByteStream:
        host, session = attempt.host, shared.connection.session
        opening = self._threads.run(lambda: session.open_channel_to(host.address, host.port))
        try:
            stream = ByteStream(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(self._close_unwanted)
            raise
        except (RefusedChannelError, paramiko.SSHException, EOFError, OSError) as error:
            raise shared.unreachable(host, error_text(error)) from error
        undo.push_async_callback(self._release, stream)
        return stream

    async def _release(self, stream: ByteStream) -> None:
        """On a thread: closing a channel sends, through a bastion that may not listen."""
        await asyncio.wait({self._threads.run(stream.release)}, timeout=END_S)

    def _close_unwanted(self, opening: asyncio.Future[paramiko.Channel]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._threads.run(opening.result().close)


def _wrap_socket(sock: socket.socket, attempt: Attempt, undo: AsyncExitStack) -> ByteStream:
    del attempt
    stream = ByteStream(sock)
    undo.callback(stream.release)
    return stream

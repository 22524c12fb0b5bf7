"""From an attempt to a connection that is logged in, by whatever way the host is reached."""

from __future__ import annotations

import asyncio
import base64
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncssh

from ..inventory.models import Secret, SshSettings
from .algorithms import host_key_order
from .asyncssh_command import OneCommand
from .asyncssh_errors import translated
from .asyncssh_link import Link
from .asyncssh_login import Login, LoginMeans
from .asyncssh_options import connection_options, host_key_algorithms, make_options_inline
from .connect_clock import ConnectClock
from .credentials import Credentials
from .dial import dial, endpoint
from .effective import effective
from .errors import Phase
from .host_keys import HostKeyCheck, HostKeyVerifier, OtherKeyTypesError
from .login_means import LoginMeansCache
from .public_key import blob_key_type
from .resolver import Resolver
from .threads import DaemonThreads
from .transport import Attempt, CommandOutput, TransportSettings

__all__ = ["Connection", "Connector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection, logged in."""

    attempt: Attempt
    where: str
    user: str
    link: Link
    login: Login
    ssh: asyncssh.SSHClientConnection

    async def run(self, command: str) -> CommandOutput:
        """The command's output, as `Transport.execute`."""
        attempt = self.attempt
        attempt.phase = Phase.SESSION
        session = OneCommand(self.where, self.link)
        try:
            await self.ssh.create_session(lambda: session, command, encoding=None)
            attempt.phase = Phase.COMMAND
            return await session.output()
        except Exception as error:
            raise self.error(error) from error

    def error(self, error: Exception) -> Exception:
        """What ``error`` means here, as a HostError."""
        return translated(
            error,
            where=self.where,
            phase=self.attempt.phase,
            user=self.user,
            link=self.link,
            login=self.login,
        )

    async def close(self) -> None:
        """Drop the connection without a farewell: a round trip that nobody needs."""
        self.ssh.abort()
        await self.link.close()
        await self.ssh.wait_closed()


class Connector:
    """Makes connections for one scan and keeps what they share."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._may_ask = settings.ask_password is not None
        self._verifier = HostKeyVerifier(settings)
        self._resolver = Resolver()
        # One thread: unlocking keys is rare, and a person answers one question at a time.
        self._threads = DaemonThreads(1, "sockfleet-keys")
        self._means = LoginMeansCache(Credentials(settings), self._threads, may_ask=self._may_ask)
        self._options: dict[SshSettings, asyncssh.SSHClientConnectionOptions] = {}
        self._host_keys: dict[SshSettings, tuple[str, ...]] = {}

    @asynccontextmanager
    async def connected(self, attempt: Attempt) -> AsyncIterator[Connection]:
        """A connection for one command; it is gone when the block is left, however that happens."""
        connection = await self._open(attempt)
        try:
            yield connection
        finally:
            await connection.close()

    async def _open(self, attempt: Attempt) -> Connection:
        host = attempt.host
        attempt.phase = Phase.CONFIG
        make_options_inline(asyncio.get_running_loop())
        ssh = effective(host.ssh, self._settings.defaults)
        means = await self._means.get(ssh)
        check = self._verifier.for_host(host)
        if ssh not in self._options:
            self._options[ssh] = connection_options(ssh, means, may_ask=self._may_ask)
            self._host_keys[ssh] = host_key_algorithms(ssh)
        algorithms = host_key_order(self._host_keys[ssh], check.algorithms)
        try:
            return await self._log_in(attempt, ssh, means, check, algorithms)
        except OtherKeyTypesError as error:
            usable = tuple(name for name in error.algorithms if name in algorithms)
            if not usable:
                raise
            return await self._log_in(attempt, ssh, means, check, usable)

    async def _log_in(
        self,
        attempt: Attempt,
        ssh: SshSettings,
        means: LoginMeans,
        check: HostKeyCheck,
        algorithms: tuple[str, ...],
    ) -> Connection:
        host = attempt.host

        def reach(phase: Phase) -> None:
            attempt.phase = phase

        async def ask(prompt: str) -> Secret | None:
            with clock.stopped():
                return await self._ask(f"{means.user}@{host.name}: {prompt}")

        login = Login(means, check, reach, ask if self._may_ask else None)
        link: Link | None = None
        limit_s = ssh.connect_timeout_s or self._settings.connect_timeout_s
        async with AsyncExitStack() as undo, ConnectClock(attempt, limit_s) as clock:
            undo.push_async_callback(login.aclose)
            try:
                link = await self._stream(attempt, ssh, reach, clock)
                undo.push_async_callback(link.close)
                attempt.phase = Phase.HANDSHAKE_SLOT
                async with AsyncExitStack() as slot:
                    with clock.stopped():
                        await slot.enter_async_context(attempt.handshake())
                    attempt.phase = Phase.BANNER
                    connection = await asyncssh.connect(
                        host.address,
                        host.port,
                        tunnel=link,
                        options=self._options[ssh],
                        config=None,
                        client_factory=lambda: login,
                        host_key_alias=check.place.name,
                        server_host_key_algs=algorithms,
                        known_hosts=_revoked(check),
                    )
            except Exception as error:
                raise translated(
                    error,
                    where=_where(attempt),
                    phase=attempt.phase,
                    user=means.user,
                    link=link,
                    login=login,
                ) from error
            await login.aclose()
            undo.pop_all()
            return Connection(
                attempt=attempt,
                where=_where(attempt),
                user=means.user,
                link=link,
                login=login,
                ssh=connection,
            )

    async def _stream(
        self,
        attempt: Attempt,
        ssh: SshSettings,
        reach: Callable[[Phase], None],
        clock: ConnectClock,
    ) -> Link:
        host = attempt.host
        sock = await dial(
            attempt,
            self._resolver,
            address=host.address,
            port=host.port,
            family=ssh.address_family,
            bind_address=ssh.bind_address,
            timeout_s=clock.left_s,
        )
        return Link(reach, sock)

    async def _ask(self, question: str) -> Secret | None:
        ask_password = self._settings.ask_password
        if ask_password is None:
            return None
        return await self._threads.run(lambda: ask_password(question))

    async def aclose(self) -> None:
        """Let go of what connections share."""
        self._resolver.close()
        self._threads.close()


def _where(attempt: Attempt) -> str:
    return endpoint(attempt.address or attempt.host.address, attempt.host.port)


def _revoked(check: HostKeyCheck) -> tuple[list[object], list[object], list[asyncssh.SSHKey]]:
    """asyncssh's known hosts: nothing trusted, so that it asks; what it must refuse in itself.

    A certificate's own key is the one thing that no callback shows.
    """
    return [], [], [key for blob in check.revoked_keys if (key := _public_key(blob)) is not None]


@functools.lru_cache(maxsize=1024)
def _public_key(blob: bytes) -> asyncssh.SSHKey | None:
    line = f"{blob_key_type(blob)} {base64.b64encode(blob).decode('ascii')}"
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError:  # a type that asyncssh does not have no server can show to it
        return None

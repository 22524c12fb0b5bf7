"""From an attempt to a connection that is logged in, by whatever way the host is reached."""

from __future__ import annotations

import base64
import functools
import socket
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from ...core.record import record
from ...core.text import endpoint
from ...inventory.models import Secret, SshSettings
from ..errors import HostError, Phase
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.connect_timeout import ConnectTimeout
from ..ssh.credentials.public_key import blob_key_type
from ..ssh.credentials.store import Credentials
from ..ssh.host_keys.policy import HostKeyCheck, HostKeyVerifier
from ..ssh.routes.bastions import SharedBastion
from ..ssh.routes.resolver import Address
from ..ssh.routes.routes import Route, Router
from ..ssh.settings import resolve_bastion_settings, resolve_settings
from ..ssh.transport import retry_with_known_key_types
from ..transport import Attempt, TransportSettings
from .client import LoginPlan, load_client
from .connection import Connection
from .credentials import CredentialsCache
from .errors import translate_error
from .library import asyncssh
from .login import Login, LoginCredentials
from .options import connection_options, host_key_algorithms
from .stream import ByteStream

__all__ = ["Connector"]

_BASTION_KEEPALIVE_S = 10


@record
class _Prepared:
    """Made once for all hosts with the same settings."""

    ssh: SshSettings
    means: LoginCredentials
    plan: LoginPlan
    host_keys: tuple[str, ...]


class Connector:
    """Makes connections for one scan and keeps what they share."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._may_ask = settings.ask_password is not None
        self._verifier = HostKeyVerifier(settings)
        # One thread: unlocking keys is rare, and a person answers one question at a time.
        self._threads = DaemonThreads(1, "sockfleet-keys")
        self._credentials = Credentials(settings)
        self._means = CredentialsCache(self._credentials, self._threads, may_ask=self._may_ask)
        self._client = load_client()
        self._supported = self._client.supported_algorithms()
        self._prepared: dict[SshSettings, _Prepared] = {}
        self._ways = Router(
            self._open_bastion, wrap_socket=_over, open_channel=_through, connect_directly=_direct
        )

    def connected(self, attempt: Attempt) -> AbstractAsyncContextManager[Connection]:
        """A connection for one command; it is gone when the block is left, however that happens.

        Raises HostError.
        """
        return _Connected(self.opened(attempt))

    async def opened(self, attempt: Attempt, *, keepalive_s: float = 0) -> Connection:
        """A connection that stays until it is closed, asked for a sign of life every
        ``keepalive_s`` where it says nothing; 0: never asked. Raises HostError."""
        ssh = resolve_settings(attempt.host.ssh, self._settings.defaults)
        return await self._open(attempt, ssh, keepalive_s=keepalive_s)

    @property
    def notes(self) -> tuple[str, ...]:
        """Of the keys on either side."""
        return (*self._credentials.notes, *self._verifier.notes)

    async def aclose(self) -> None:
        """Let go of what connections share."""
        await self._ways.aclose()
        self._threads.close()

    async def _open_bastion(self, attempt: Attempt) -> Connection:
        ssh = resolve_bastion_settings(attempt.host.ssh, self._settings.defaults)
        connection = await self._open(attempt, ssh, keepalive_s=_BASTION_KEEPALIVE_S)
        connection.link.budget.expect_channels()
        return connection

    async def _open(self, attempt: Attempt, ssh: SshSettings, *, keepalive_s: float) -> Connection:
        attempt.phase = Phase.CONFIG
        prepared = await self._prepare(ssh)
        check = self._verifier.for_host(attempt.host)
        log_in = functools.partial(self._log_in, attempt, prepared, check, keepalive_s=keepalive_s)
        return await retry_with_known_key_types(prepared.host_keys, check, log_in)

    async def _prepare(self, ssh: SshSettings) -> _Prepared:
        prepared = self._prepared.get(ssh)
        if prepared is None:
            means = await self._means.get(ssh)
            prepared = self._prepared.get(ssh)  # many wait for the same means
        if prepared is None:
            prepared = self._prepared[ssh] = _Prepared(
                ssh=ssh,
                means=means,
                plan=LoginPlan(
                    options=connection_options(ssh, means, self._supported, may_ask=self._may_ask),
                    key_at_once=means.key_at_once,
                    signed_at_once=means.signed_at_once,
                ),
                host_keys=host_key_algorithms(ssh, self._supported),
            )
        return prepared

    async def _log_in(
        self,
        attempt: Attempt,
        prepared: _Prepared,
        check: HostKeyCheck,
        algorithms: tuple[str, ...],
        *,
        keepalive_s: float,
    ) -> Connection:
        host, ssh, user = attempt.host, prepared.ssh, prepared.means.user
        limit_s = ssh.connect_timeout_s or self._settings.connect_timeout_s

        async def ask(prompt: str) -> Secret | None:
            with clock.stopped():
                return await self._ask(f"{user}@{host.name}: {prompt}")

        login = Login(prepared.means, check, attempt, ask if self._may_ask else None)
        way: Route[Connection, ByteStream] | None = None
        undo = AsyncExitStack()
        try:
            try:
                way = await self._ways.open(attempt, ssh, limit_s=limit_s, undo=undo)
                attempt.phase = Phase.HANDSHAKE_SLOT
                async with (
                    attempt.handshake(),
                    ConnectTimeout(attempt, limit_s, spent_s=way.spent_s) as clock,
                ):
                    attempt.phase = Phase.BANNER
                    connection = await self._client.log_in(
                        way.stream,
                        prepared.plan,
                        host=host.address,
                        port=host.port,
                        host_key_alias=check.identity.name,
                        host_key_algorithms=algorithms,
                        revoked_keys=_revoked(check),
                        owner=login,
                        keepalive_s=keepalive_s,
                    )
            except HostError:
                raise
            except Exception as error:
                link = None if way is None else way.stream
                failure = translate_error(
                    error,
                    where=_where(attempt),
                    phase=attempt.phase,
                    user=user,
                    link=link,
                    login=login,
                )
                raise (failure if way is None else await way.explain(failure)) from error
            finally:
                await login.aclose()
        except BaseException:
            await undo.aclose()
            raise
        return Connection(
            attempt=attempt,
            where=_where(attempt),
            way=way,
            user=user,
            link=way.stream,
            login=login,
            ssh=connection,
            undo=way.remaining_cleanup(undo),
        )

    async def _ask(self, question: str) -> Secret | None:
        ask_password = self._settings.ask_password
        if ask_password is None:
            return None
        return await self._threads.run(lambda: ask_password(question))


class _Connected(AbstractAsyncContextManager[Connection]):
    """What `Connector.connected` gives."""

    def __init__(self, opening: Coroutine[None, None, Connection]) -> None:
        self._opening = opening
        self._connection: Connection

    async def __aenter__(self) -> Connection:
        self._connection = await self._opening
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if isinstance(error, HostError):
                reason = await self._connection.way.explain(error)
                if reason is not error:
                    raise reason from error
        finally:
            await self._connection.close()


def _over(sock: socket.socket, attempt: Attempt, undo: AsyncExitStack) -> ByteStream:
    link = ByteStream(attempt, sock)
    undo.push_async_callback(link.close)
    return link


async def _direct(attempt: Attempt, undo: AsyncExitStack, address: Address) -> ByteStream:
    link = ByteStream(attempt)
    await link.reach(address.ip, attempt.host.port)
    undo.push_async_callback(link.close)
    return link


async def _through(
    shared: SharedBastion[Connection], attempt: Attempt, undo: AsyncExitStack
) -> ByteStream:
    host, link = attempt.host, ByteStream(attempt)
    undo.push_async_callback(link.close)
    try:
        await shared.connection.ssh.open_stream(link, host.address, host.port)
    except (asyncssh.Error, OSError) as error:
        said = error.reason if isinstance(error, asyncssh.Error) else str(error)
        raise shared.unreachable(host, said) from error
    return link


def _where(attempt: Attempt) -> str:
    return endpoint(attempt.address or attempt.host.address, attempt.host.port)


def _revoked(check: HostKeyCheck) -> list[asyncssh.SSHKey]:
    """What asyncssh must refuse itself: a certificate's own key is shown to no callback."""
    return [key for blob in check.revoked_keys if (key := _public_key(blob)) is not None]


@functools.lru_cache(maxsize=1024)
def _public_key(blob: bytes) -> asyncssh.SSHKey | None:
    line = f"{blob_key_type(blob)} {base64.b64encode(blob).decode('ascii')}"
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError:  # a type that asyncssh does not have no server can show to it
        return None

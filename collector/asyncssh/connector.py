"""How asyncssh opens byte streams and logs in over them."""

from __future__ import annotations

import base64
import functools
import socket
from contextlib import AsyncExitStack

from ...core.record import record
from ...inventory.models import Secret, SshSettings
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.connect_timeout import ConnectTimeout
from ..ssh.connector import SshConnector
from ..ssh.credentials.public_key import blob_key_type
from ..ssh.host_keys.policy import HostKeyCheck
from ..ssh.negotiation import Offer
from ..ssh.routes.bastions import SharedBastion
from ..ssh.routes.resolver import Address
from ..transport import Attempt, TransportSettings
from .agent import AgentSigner
from .client import ConnectionOptions, LoginPlan
from .client_by_version import load_client
from .connection import Connection
from .credentials import LoginCredentials, load_credentials
from .errors import error_text
from .login import Login
from .options import connection_options
from .slim_import import asyncssh
from .stream import ByteStream

__all__ = ["Connector"]


@record
class _Prepared:
    """Made once for all hosts with the same settings."""

    credentials: LoginCredentials
    plan: LoginPlan
    offer: Offer


class Connector(SshConnector[_Prepared, Connection, ByteStream]):
    """Makes the connections of one scan and keeps what they share."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(
            settings,
            wrap_socket=_wrap_socket,
            open_channel=_open_channel,
            connect_directly=_connect,
        )
        self._agent_thread = DaemonThreads(1, "sockfleet-agent")
        self._client = load_client()
        self._supported = self._client.supported_algorithms()

    def _new_connection(self, attempt: Attempt) -> Connection:
        return Connection(attempt)

    def _prepare(self, ssh: SshSettings) -> _Prepared:
        offer = self._choose_offer(ssh, self._supported)
        credentials = load_credentials(
            ssh, self._credentials, offer.signatures, may_ask=self._may_ask
        )
        options = connection_options(offer, credentials, may_ask=self._may_ask)
        return _Prepared(
            credentials=credentials,
            plan=LoginPlan(
                options=options,
                key_at_once=credentials.key_at_once,
                signed_at_once=credentials.signed_at_once,
            ),
            offer=offer,
        )

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
        attempt, credentials = connection.attempt, prepared.credentials

        async def ask(prompt: str) -> Secret | None:
            return await self._ask_password(attempt, credentials.user, prompt, clock)

        login = Login(
            credentials,
            check,
            attempt,
            ask if self._may_ask else None,
            connection.stream.budget,
            self._agent_signer(credentials.agent),
        )
        connection.login = login
        own = ConnectionOptions(
            host=attempt.host.address,
            port=attempt.host.port,
            host_key_alias=check.identity.name,
            host_key_algorithms=host_keys,
            revoked_keys=_revoked(check),
            owner=login,
            keepalive_s=keepalive_s,
        )
        try:
            connection.ssh = await self._client.log_in(connection.stream, prepared.plan, own)
        finally:
            await login.aclose()

    async def aclose(self) -> None:
        """As `SshConnector.aclose`."""
        await super().aclose()
        self._agent_thread.close()

    def _agent_signer(self, path: str | None) -> AgentSigner | None:
        if path is None:
            return None
        return AgentSigner(path, self._settings.agent_listings, self._agent_thread)


def _wrap_socket(sock: socket.socket, attempt: Attempt, undo: AsyncExitStack) -> ByteStream:
    stream = ByteStream(attempt, sock)
    undo.push_async_callback(stream.close)
    return stream


async def _connect(attempt: Attempt, undo: AsyncExitStack, address: Address) -> ByteStream:
    stream = ByteStream(attempt)
    await stream.connect(address.ip, attempt.host.port)
    undo.push_async_callback(stream.close)
    return stream


async def _open_channel(
    shared: SharedBastion[Connection], attempt: Attempt, undo: AsyncExitStack
) -> ByteStream:
    host, stream = attempt.host, ByteStream(attempt)
    shared.connection.stream.budget.expect_channel()
    undo.push_async_callback(stream.close)
    try:
        await shared.connection.ssh.open_stream(stream, host.address, host.port)
    except (asyncssh.Error, OSError) as error:
        raise shared.unreachable(host, error_text(error)) from error
    return stream


def _revoked(check: HostKeyCheck) -> list[asyncssh.SSHKey]:
    """What asyncssh must refuse itself: a certificate's own key is shown to no callback."""
    return [key for blob in check.revoked_keys if (key := _public_key(blob)) is not None]


@functools.lru_cache(maxsize=1024)
def _public_key(blob: bytes) -> asyncssh.SSHKey | None:
    line = f"{blob_key_type(blob)} {base64.b64encode(blob).decode('ascii')}"
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError:  # no server can show asyncssh a key of a type that it lacks
        return None

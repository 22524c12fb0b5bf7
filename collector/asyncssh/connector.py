"""How asyncssh opens byte streams and logs in over them."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from ...core.errors import UsageError
from ...inventory.models import Secret, SshSettings
from ..ssh.connect_timeout import ConnectTimeout
from ..ssh.connector import SshConnector
from ..ssh.host_keys.policy import HostKeyCheck
from ..ssh.routes.bastions import SharedBastion
from ..ssh.routes.resolver import Address
from ..transport import Attempt, TransportSettings
from .connection import Connection
from .stream import ByteStream

if TYPE_CHECKING:  # asyncssh: a third of the time of a scan of one host
    from .logins import Logins, PreparedLogin

__all__ = ["Connector"]


class Connector(SshConnector["PreparedLogin", Connection, ByteStream]):
    """Makes the connections of one scan and keeps what they share.

    Importing it does not import asyncssh: `_prepare` does, in a thread, while the first host is
    connected to and its server starts to answer.
    """

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(
            settings,
            wrap_socket=_wrap_socket,
            open_channel=_open_channel,
            connect_directly=_connect,
        )
        self._logins: Logins | None = None
        """None until asyncssh is imported."""

    def _new_connection(self, attempt: Attempt) -> Connection:
        return Connection(attempt)

    def _prepare(self, ssh: SshSettings) -> PreparedLogin:
        return self._load_logins().prepare(
            ssh, self._credentials, self._choose_offer, may_ask=self._may_ask
        )

    def _load_logins(self) -> Logins:
        if self._logins is None:
            try:
                from .logins import Logins
            except ImportError as error:
                raise UsageError(f"transport 'asyncssh' cannot be loaded: {error}") from error
            self._logins = Logins()
        return self._logins

    async def _log_in(
        self,
        connection: Connection,
        prepared: PreparedLogin,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
        *,
        clock: ConnectTimeout,
        keepalive_s: float,
    ) -> None:
        async def ask(prompt: str) -> Secret | None:
            user = prepared.credentials.user
            return await self._ask_password(connection.attempt, user, prompt, clock)

        await self._load_logins().log_in(
            connection,
            prepared,
            check,
            host_keys,
            ask=ask if self._may_ask else None,
            keepalive_s=keepalive_s,
        )

    async def aclose(self) -> None:
        """As `SshConnector.aclose`."""
        if self._logins is not None:
            await self._logins.aclose()
        await super().aclose()


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
    from .errors import error_text
    from .library import asyncssh

    host, stream = attempt.host, ByteStream(attempt)
    shared.connection.stream.budget.expect_channel()
    undo.push_async_callback(stream.close)
    try:
        await shared.connection.ssh.open_stream(stream, host.address, host.port)
    except (asyncssh.Error, OSError) as error:
        raise shared.unreachable(host, error_text(error)) from error
    return stream

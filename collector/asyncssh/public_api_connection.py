"""A login by asyncssh's documented interface alone, for versions that were not tried.

`asyncssh.connect` gets everything that decides about trust and credentials from us, as
`fast_connection` does: it reads no configuration, no known_hosts and no keys of its own, and asks
no agent. It makes its options anew for each connection and takes more round trips.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, cast

from ..ssh.negotiation import SupportedAlgorithms
from ..transport import OUTPUT_LIMIT
from .client import ClientConnection, ConnectionOptions, LoginPlan
from .group_exchange import GROUP_EXCHANGES, bound_group_exchange
from .slim_import import asyncssh
from .stream import ByteStream

__all__ = ["log_in", "supported_algorithms"]

_BARE: dict[str, Any] = {
    "config": None,
    "client_keys": None,
    "agent_path": None,
    "x509_trusted_certs": None,
    "x509_trusted_cert_paths": [],
}
"""Options that read no file."""
_X509 = "x509v3-"  # RFC 6187: needs certificate authorities, of which there are none here


class _Supported:
    """The algorithms that an option of asyncssh takes: no list of them is documented."""

    def __init__(self, option: str, *, lacks: str | None = None) -> None:
        """``lacks`` is how names begin that are not to be used; None: each that it takes is."""
        self._option = option
        self._lacks = lacks

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or (self._lacks and name.startswith(self._lacks)):
            return False
        return _takes(self._option, name)


@functools.lru_cache(maxsize=1024)  # the names may come from servers
def _takes(option: str, name: str) -> bool:
    if name.startswith(_X509):
        return False
    try:
        asyncssh.SSHClientConnectionOptions(**{**_BARE, option: [name]})
    except ValueError:
        asyncssh.SSHClientConnectionOptions(**_BARE)  # raises where it is not about the name
        return False
    return True


def supported_algorithms() -> SupportedAlgorithms:
    """As `Client.supported_algorithms`."""
    return SupportedAlgorithms(
        library="asyncssh",
        kex=_Supported("kex_algs", lacks=None if bound_group_exchange() else GROUP_EXCHANGES),
        ciphers=_Supported("encryption_algs"),
        macs=_Supported("mac_algs"),
        signatures=_Supported("signature_algs"),
        host_keys=_Supported("server_host_key_algs"),
    )


async def log_in(stream: ByteStream, plan: LoginPlan, own: ConnectionOptions) -> ClientConnection:
    """As `Client.log_in`."""
    connection = await asyncssh.connect(
        own.host,
        own.port,
        config=None,
        options=plan.options,
        tunnel=cast("asyncssh.SSHClientConnection", _Tunnel(stream)),
        client_factory=lambda: own.owner,
        # asyncssh asks the owner about every key that is in none of these lists.
        known_hosts=([], [], list(own.revoked_keys)),
        host_key_alias=own.host_key_alias,
        server_host_key_algs=list(own.host_key_algorithms),
        keepalive_interval=own.keepalive_s,
    )
    return _Connection(connection, stream)


class _Tunnel:
    """The part of a connection that `asyncssh.connect` uses of the one it is to go through."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def create_connection(
        self, factory: Callable[[], asyncssh.SSHClientConnection], host: str, port: int
    ) -> tuple[ByteStream, asyncssh.SSHClientConnection]:
        """Join the stream, which is open already, to a connection from ``factory``."""
        del host, port
        connection = factory()
        # Which packets are answered in parts only a look at each could tell.
        self._stream.expect_parts(always=True)
        await self._stream.join(connection)
        return self._stream, connection


class _Connection:
    """A connection as `log_in` makes it."""

    def __init__(self, connection: asyncssh.SSHClientConnection, stream: ByteStream) -> None:
        self._connection = connection
        self._stream = stream
        self.abort = connection.abort
        self.drop = connection.abort
        self.wait_closed = connection.wait_closed

    def expect_last_session(self) -> None:
        """Nothing follows from it here."""

    async def begin_session(
        self,
        session_factory: Callable[[], asyncssh.SSHClientSession[bytes]],
        command: str | None = None,
        subsystem: str | None = None,
    ) -> asyncssh.SSHClientChannel[bytes]:
        """As `ClientConnection.begin_session`."""
        channel, _ = await self._connection.create_session(
            session_factory, command, subsystem=subsystem
        )
        return channel

    async def open_stream(self, stream: ByteStream, host: str, port: int) -> None:
        """As `ClientConnection.open_stream`."""
        budget = self._stream.budget
        stream.give_back_to(budget)
        # Up to a window comes before the channel passes anything on: several floods at once would
        # use up what the bastion itself may send.
        with budget.lend(OUTPUT_LIMIT):
            await self._connection.create_connection(
                lambda: cast("asyncssh.SSHTCPSession[str]", stream), host, port, window=OUTPUT_LIMIT
            )
            await asyncio.sleep(0)  # it does so in the loop's next turn

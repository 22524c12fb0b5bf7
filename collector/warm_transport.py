"""A transport for the engine whose connections stay open once their command has run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from .asyncssh_connection import Connection
from .asyncssh_connector import Connector
from .asyncssh_transport import translated_outside
from .ssh_transport import SshTransport
from .transport import Attempt, CommandOutput, TransportSettings

__all__ = ["KeepingTransport", "Kept"]

_DEAD_AFTER = 3
"""Keepalives without an answer."""


class Kept:
    """A connection that stayed open."""

    def __init__(self, connection: Connection, undo: AsyncExitStack) -> None:
        self.connection = connection
        self._undo = undo

    async def close(self) -> None:
        """Drop it."""
        await self._undo.aclose()


class KeepingTransport(SshTransport):
    """Connects anew for each command, as asyncssh's own, and keeps the connection of a host that is
    to be kept: `taken` hands it over, once."""

    def __init__(
        self,
        settings: TransportSettings,
        is_kept: Callable[[str], bool],
        *,
        keepalive_s: float | None = None,
    ) -> None:
        self._connections = Connector(settings)
        super().__init__(self._connections, translated_outside)
        self._is_kept = is_kept
        self._keepalive_s = keepalive_s
        self._kept: dict[str, Kept] = {}

    def taken(self, name: str) -> Kept | None:
        """The connection of the host ``name``, which is the caller's from now on."""
        return self._kept.pop(name, None)

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        if not self._is_kept(attempt.host.name):
            return await super().execute(attempt, command)
        await self._close(attempt.host.name)  # of an attempt whose answer was of no use
        with self._translating(attempt):
            async with AsyncExitStack() as undo:
                connection = await undo.enter_async_context(self._connections.connected(attempt))
                output = await connection.run(command, then_closed=True)
                if self._keepalive_s is not None:
                    connection.ssh.set_keepalive(self._keepalive_s, _DEAD_AFTER)
                self._kept[attempt.host.name] = Kept(connection, undo.pop_all())
        return output

    async def aclose(self) -> None:
        """Close what is kept and not taken, then as `Transport.aclose`."""
        for name in list(self._kept):
            await self._close(name)
        await super().aclose()

    async def _close(self, name: str) -> None:
        kept = self.taken(name)
        if kept is not None:
            await kept.close()

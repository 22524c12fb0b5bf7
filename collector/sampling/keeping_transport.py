"""The asyncssh transport, but connections stay open after their command has run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from ..asyncssh.connection import Connection
from ..asyncssh.connector import Connector
from ..ssh.transport import SshTransport
from ..transport import Attempt, CommandOutput, TransportSettings

__all__ = ["KeepingTransport"]


class KeepingTransport(SshTransport):
    """Makes a new connection for each command, and keeps those of hosts that ``is_kept`` names.

    `take` returns a kept connection. It sends a keepalive request every ``keepalive_s`` seconds (0:
    never) and counts as lost after three without an answer.
    """

    def __init__(
        self,
        settings: TransportSettings,
        is_kept: Callable[[str], bool],
        *,
        keepalive_s: float,
    ) -> None:
        self._asyncssh_connector = Connector(settings)
        super().__init__(self._asyncssh_connector)
        self._is_kept = is_kept
        self._keepalive_s = keepalive_s
        self._kept: dict[str, Connection] = {}

    def take(self, name: str) -> Connection | None:
        """Remove and return the connection of the host ``name``; the caller closes it."""
        return self._kept.pop(name, None)

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        if not self._is_kept(attempt.host.name):
            return await super().execute(attempt, command)
        await self._close(attempt.host.name)  # of an earlier attempt whose answer was not valid
        return await self._run_and_keep(attempt, command)

    async def _run_and_keep(self, attempt: Attempt, command: str) -> CommandOutput:
        connection = await self._asyncssh_connector.open(attempt, keepalive_s=self._keepalive_s)
        async with AsyncExitStack() as undo:
            await undo.enter_async_context(connection)
            output = await connection.run(command, then_closed=True)
            connection.stream.budget.expect_samples()
            undo.pop_all()
        self._kept[attempt.host.name] = connection
        return output

    async def aclose(self) -> None:
        """Close the connections that were not taken, then as `Transport.aclose`."""
        for name in list(self._kept):
            await self._close(name)
        await super().aclose()

    async def _close(self, name: str) -> None:
        connection = self.take(name)
        if connection is not None:
            await connection.close()

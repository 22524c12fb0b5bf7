"""The default transport: asyncssh over sockets of our own, everything costly made once.

For one host: resolve and connect (`dial`), wait for a place among our own handshakes, log in
(`Login`), run the command (`OneCommand`), drop the connection. Behind a bastion or a proxy command
only the first step is another.
"""

from __future__ import annotations

from .asyncssh_connector import Connector
from .transport import Attempt, CommandOutput, TransportSettings

__all__ = ["AsyncsshTransport"]


class AsyncsshTransport:
    """Runs commands over SSH with asyncssh. Belongs to one event loop."""

    def __init__(self, settings: TransportSettings) -> None:
        self._connector = Connector(settings)

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        async with self._connector.connected(attempt) as connection:
            return await connection.run(command)

    async def aclose(self) -> None:
        """Close the bastions' connections and let the threads end."""
        await self._connector.aclose()

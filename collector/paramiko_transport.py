"""The second transport: paramiko, on one thread of ours and one of its own for each host.

The same results and the same errors as the asyncssh transport, for fleets with a server that
asyncssh does not get on with; three times the cost.
"""

from __future__ import annotations

from .paramiko_connector import Connector
from .transport import Attempt, CommandOutput, TransportSettings

__all__ = ["ParamikoTransport"]


class ParamikoTransport:
    """Runs commands over SSH with paramiko. Belongs to one event loop."""

    def __init__(self, settings: TransportSettings) -> None:
        self._connector = Connector(settings)

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        async with self._connector.connected(attempt) as connection:
            return await connection.run(command)

    async def aclose(self) -> None:
        """Close the bastions' connections and let the threads end."""
        await self._connector.aclose()

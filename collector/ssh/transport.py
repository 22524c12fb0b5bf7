"""Both SSH transports as the engine sees them: one connection for each command."""

from __future__ import annotations

from typing import Any

from ..transport import Attempt, CommandOutput
from .connector import SshConnector

__all__ = ["SshTransport"]


class SshTransport:
    """Runs commands over the connections of ``connector``. Belongs to one event loop."""

    def __init__(self, connector: SshConnector[Any, Any, Any]) -> None:
        self._connector = connector

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        async with await self._connector.open(attempt) as connection:
            output: CommandOutput = await connection.run(command)
            return output

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Transport.notes`: unusable lines of known_hosts, keys that were added or left out."""
        return self._connector.notes

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._connector.aclose()

"""The default transport: asyncssh over sockets of our own, everything costly made once.

For one host: resolve and connect (`dial`), wait for a place among our own handshakes, log in
(`Login`), run the command (`OneCommand`), drop the connection. Behind a bastion or a proxy command
only the first step is another.
"""

from __future__ import annotations

from .asyncssh_connector import Connector
from .asyncssh_errors import translated
from .dial import endpoint
from .errors import HostError
from .transport import Attempt, CommandOutput, TransportSettings

__all__ = ["AsyncsshTransport"]


class AsyncsshTransport:
    """Runs commands over SSH with asyncssh. Belongs to one event loop."""

    def __init__(self, settings: TransportSettings) -> None:
        self._connector = Connector(settings)

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        try:
            async with self._connector.connected(attempt) as connection:
                return await connection.run(command)
        except HostError:
            raise
        except Exception as error:  # outside of the login: in preparing it, or in closing
            where = endpoint(attempt.host.address, attempt.host.port)
            raise translated(
                error, where=where, phase=attempt.phase, user="", link=None, login=None
            ) from error

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Transport.notes`: spoilt lines of known_hosts, keys that were learned or left out."""
        return self._connector.notes

    async def aclose(self) -> None:
        """Close the bastions' connections and let the threads end."""
        await self._connector.aclose()

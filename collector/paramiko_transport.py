"""The second transport: paramiko, on one thread of ours and one of its own for each host.

The same results and the same errors as the asyncssh transport, for fleets with a server that
asyncssh does not get on with; it costs this machine more, and two threads a host.
"""

from __future__ import annotations

from .dial import endpoint
from .errors import HostError
from .paramiko_connector import Connector
from .paramiko_errors import translated
from .transport import Attempt, CommandOutput, TransportSettings

__all__ = ["ParamikoTransport"]


class ParamikoTransport:
    """Runs commands over SSH with paramiko. Belongs to one event loop."""

    def __init__(self, settings: TransportSettings) -> None:
        self._connector = Connector(settings)

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        try:
            async with self._connector.connected(attempt) as connection:
                return await connection.run(command)
        except HostError:
            raise
        except Exception as error:  # outside of login and command: in preparing, or in closing
            where = endpoint(attempt.host.address, attempt.host.port)
            raise translated(
                error, where=where, phase=attempt.phase, wire=None, session=None
            ) from error

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Transport.notes`: spoilt lines of known_hosts, keys that were learned or left out."""
        return self._connector.notes

    async def aclose(self) -> None:
        """Close the bastions' connections and let the threads end."""
        await self._connector.aclose()

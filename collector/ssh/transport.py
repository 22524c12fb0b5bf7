"""The common part of both SSH transports: commands over connections, and host key types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Protocol, TypeVar

from ...core.text import endpoint
from ..errors import HostError, Phase
from ..transport import Attempt, CommandOutput
from .algorithms import host_key_order
from .host_keys.policy import HostKeyCheck, OtherKeyTypesError

__all__ = ["Connecting", "SshTransport", "retry_with_known_key_types"]

T = TypeVar("T")


class LoggedIn(Protocol):
    """A connection after the login."""

    async def run(self, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        ...


class Connecting(Protocol):
    """Opens the connections of one scan and keeps what they share."""

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Transport.notes`."""
        ...

    def connected(self, attempt: Attempt) -> AbstractAsyncContextManager[LoggedIn]:
        """A connection for one command; raises HostError."""
        ...

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        ...


class SshTransport:
    """Runs commands over the connections of ``connector``. Belongs to one event loop.

    ``translated`` makes a HostError of an exception that came outside of login and command: in
    preparing them, or in closing. It is given the exception, the endpoint and the phase.
    """

    def __init__(
        self, connector: Connecting, translated: Callable[[Exception, str, Phase], HostError]
    ) -> None:
        self._connector = connector
        self._translated = translated

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`."""
        with self._translating(attempt):
            async with self._connector.connected(attempt) as connection:
                return await connection.run(command)

    @contextmanager
    def _translating(self, attempt: Attempt) -> Iterator[None]:
        try:
            yield
        except HostError:
            raise
        except Exception as error:
            where = endpoint(attempt.host.address, attempt.host.port)
            raise self._translated(error, where, attempt.phase) from error

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Transport.notes`: spoilt lines of known_hosts, keys that were learned or left out."""
        return self._connector.notes

    async def aclose(self) -> None:
        """Close the bastions' connections and let the threads end."""
        await self._connector.aclose()


async def retry_with_known_key_types(
    offered: Sequence[str], check: HostKeyCheck, log_in: Callable[[tuple[str, ...]], Awaitable[T]]
) -> T:
    """Log in with the host key types that the host is known by first.

    Where it shows a key of another type although it may have a known one, once more with those.
    """
    algorithms = host_key_order(tuple(offered), check.algorithms)
    try:
        return await log_in(algorithms)
    except OtherKeyTypesError as error:
        usable = tuple(name for name in error.algorithms if name in algorithms)
        if not usable:
            raise
        return await log_in(usable)

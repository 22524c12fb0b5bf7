"""A connection to one host, from the first step of its opening on, whichever library makes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, ClassVar, Generic, NoReturn, Protocol, Self, TypeVar

from ...core.local_failure import describe_shortage
from ...core.record import record
from ...core.text import endpoint
from ..errors import Category, HostError, Phase
from ..transport import Attempt, CommandOutput
from .byte_budget import ByteBudget
from .negotiation import Mismatch, Offer, find_mismatch, read_server_offer
from .routes.routes import Route

__all__ = ["ErrorContext", "SshConnection", "SshStream"]


class SshStream(Protocol):
    """The byte stream below a connection."""

    opening: bytes | None
    """The first `OPENING_BYTES` that the far side sent; None once the login is done."""

    @property
    def budget(self) -> ByteBudget:
        """How much the far side may send."""
        ...


S = TypeVar("S", bound=SshStream)
T = TypeVar("T")


@record
class ErrorContext(Generic[S]):
    """What a connection knows when an error is raised by opening or using it."""

    where: str
    """``address:port`` for messages."""
    phase: Phase
    stream: S | None
    """None before the route is open."""
    mismatch: Mismatch | None
    """The kind of algorithm that the offers of both sides lack in common; None: none is known."""


class SshConnection(ABC, Generic[S]):
    """One connection; `SshConnector.open` opens it.

    ``async with`` closes it at the end, and raises what is behind an error of its own.
    """

    __slots__ = ("attempt", "host_keys", "offer", "route", "undo")

    closes_its_stream: ClassVar = False
    """Whether `close` always closes the stream too, so that ``undo`` need not."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.route: Route[Any, S] | None = None
        """None until it is open."""
        self.undo: AsyncExitStack | None = None
        """Closes what the connection depends on, such as a proxy command; None: nothing."""
        self.offer: Offer | None = None
        """What this client offers; None before the login begins."""
        self.host_keys: tuple[str, ...] = ()
        """The host key algorithms that are offered to this host."""

    @property
    def where(self) -> str:
        """``address:port`` for messages."""
        host = self.attempt.host
        return endpoint(self.attempt.address or host.address, host.port)

    @property
    def stream(self) -> S:
        """The byte stream below it. Raises RuntimeError before the route is open."""
        if self.route is None:
            raise RuntimeError("the connection has no stream yet")
        return self.route.stream

    def find_mismatch(self) -> Mismatch | None:
        """Return the kind of algorithm that makes the key exchange fail; None: none is known."""
        if self.offer is None or self.route is None or self.attempt.phase is not Phase.KEX:
            return None
        theirs = read_server_offer(self.route.stream.opening or b"")
        return None if theirs is None else find_mismatch(self.offer, self.host_keys, theirs)

    @property
    @abstractmethod
    def up(self) -> bool:
        """Whether it can still be used."""

    def expect_channels(self) -> None:
        """Let hosts behind this bastion send what their own budgets allow."""
        self.stream.budget.expect_channels()

    @abstractmethod
    async def run(self, command: str) -> CommandOutput:
        """Run a command; as `Transport.execute`."""

    async def translate_errors(self, work: Awaitable[T]) -> T:
        """Return the result of ``work``; raise HostError for each error."""
        try:
            return await work
        except HostError:
            raise
        except Exception as error:
            raise self.translate(error) from error

    def translate(self, error: Exception) -> HostError:
        """Make the HostError for ``error``, raised by opening or using this connection.

        A HostError stays the same.
        """
        if isinstance(error, HostError):
            return error
        shortage = describe_shortage(error)
        if shortage is not None:
            return HostError(Category.LOCAL_RESOURCE, self.attempt.phase, shortage)
        return self._translate(
            error,
            ErrorContext(
                where=self.where,
                phase=self.attempt.phase,
                stream=None if self.route is None else self.route.stream,
                mismatch=self.find_mismatch(),
            ),
        )

    @abstractmethod
    def _translate(self, error: Exception, context: ErrorContext[S]) -> HostError:
        """Make the HostError for ``error``, which the library or the system raised; never raises.

        The only place where such errors become ours.
        """

    @abstractmethod
    async def close(self) -> None:
        """Drop the connection and close all that it depends on."""

    async def explain(self, error: Exception) -> HostError:
        """As `translate`, or the error of the bastion or the proxy command that caused it."""
        failure = self.translate(error)
        return failure if self.route is None else await self.route.explain(failure)

    async def raise_explained(self, error: Exception) -> NoReturn:
        """Raise what `explain` returns; ``error`` itself where that is the same."""
        failure = await self.explain(error)
        if failure is error:
            raise error
        raise failure from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, Exception):
                await self.raise_explained(error)
        finally:
            await self.close()

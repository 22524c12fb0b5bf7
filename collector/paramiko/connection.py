"""A connection with paramiko, on threads.

paramiko blocks, so each of its calls runs on a daemon thread of ours. When the coroutine that waits
for a call is cancelled, it aborts the byte stream, which ends the call within milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ..errors import HostError, Phase
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.connection import ErrorContext, SshConnection
from ..transport import Attempt, CommandOutput
from .command import run_command
from .errors import translate_error
from .session import Session
from .stream import ByteStream

__all__ = ["END_S", "Connection", "phase_setter", "run_to_end"]

T = TypeVar("T")

END_S = 1.0
"""How long to wait for a call whose stream was aborted; it takes milliseconds."""


class Connection(SshConnection[ByteStream]):
    """One connection; logged in once it is open."""

    __slots__ = ("_session", "_threads")

    def __init__(self, attempt: Attempt, threads: DaemonThreads) -> None:
        super().__init__(attempt)
        self._threads = threads
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The SSH session over its stream. Raises RuntimeError before the login begins."""
        if self._session is None:
            raise RuntimeError("the connection has no session yet")
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session

    @property
    def up(self) -> bool:
        """Whether it can still be used."""
        # paramiko closes its channels before it calls itself inactive: a host behind this
        # connection may ask in between.
        return self.session.is_active() and not self.session.broken

    async def run(self, command: str) -> CommandOutput:
        """Run a command; as `Transport.execute`."""
        session, stream = self.session, self.stream
        stream.budget.expect_command()
        where, set_phase = self.where, phase_setter(self.attempt)
        received = self.attempt.output = bytearray(), bytearray()
        work = self._threads.run(lambda: run_command(session, where, command, set_phase, received))
        return await self.translate_errors(run_to_end(work, stream))

    def _translate(self, error: Exception, context: ErrorContext[ByteStream]) -> HostError:
        return translate_error(error, context, self._session)

    async def close(self) -> None:
        """Drop the connection, its descriptor and its thread."""
        self.stream.abort()
        await asyncio.wait({self._threads.run(self.session.dispose)}, timeout=END_S)
        if self.undo is not None:
            await self.undo.aclose()


def phase_setter(attempt: Attempt) -> Callable[[Phase], None]:
    """Make a function that sets the attempt's phase from any thread, in the event loop's own."""
    loop = asyncio.get_running_loop()

    def set_phase(phase: Phase) -> None:
        loop.call_soon_threadsafe(setattr, attempt, "phase", phase)

    return set_phase


async def run_to_end(work: asyncio.Future[T], stream: ByteStream) -> T:
    """Wait for ``work`` on a thread; when cancelled, abort its stream and wait for its end."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stream.abort()
        work.add_done_callback(_discard)
        await asyncio.wait({work}, timeout=END_S)
        raise


def _discard(work: asyncio.Future[T]) -> None:
    """Retrieve the exception, which asyncio would report as never retrieved."""
    if not work.cancelled():
        work.exception()

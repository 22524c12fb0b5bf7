"""One connection with paramiko, on threads: what is cut off here ends there by itself.

paramiko blocks, so each of its calls is a piece of work on a daemon thread of ours. Whoever stops
waiting for one cuts its wire, which ends the work within milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from ...core.record import record
from ..errors import HostError, Phase
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.routes.routes import Route
from ..transport import Attempt, CommandOutput
from .command import run_command
from .errors import translate_error
from .session import Session
from .stream import ByteStream

__all__ = ["END_S", "Connection", "phases_of", "run_to_end"]

T = TypeVar("T")

END_S = 1.0
"""For work on a thread whose wire was cut; it takes milliseconds."""


@record
class Connection:
    """One connection, logged in."""

    attempt: Attempt
    where: str
    way: Route[Connection, ByteStream]
    session: Session
    threads: DaemonThreads
    undo: AsyncExitStack
    """Closes the way below the connection."""

    @property
    def up(self) -> bool:
        """Whether it still stands."""
        # paramiko tells its channels of the end before it calls itself inactive.
        return self.session.is_active() and not self.session.wire.ended

    async def run(self, command: str) -> CommandOutput:
        """The command's output, as `Transport.execute`."""
        attempt, session = self.attempt, self.session
        reach = phases_of(attempt)
        session.wire.budget.expect_command()
        work = self.threads.run(lambda: run_command(session, self.where, command, reach))
        try:
            return await run_to_end(work, session.wire)
        except HostError:
            raise
        except Exception as error:
            raise translate_error(
                error, where=self.where, phase=attempt.phase, wire=session.wire, session=session
            ) from error

    async def close(self) -> None:
        """Drop the connection, its descriptor and its thread."""
        self.session.wire.abort()
        await asyncio.wait({self.threads.run(self.session.dispose)}, timeout=END_S)
        await self.undo.aclose()


def phases_of(attempt: Attempt) -> Callable[[Phase], None]:
    """Sets the attempt's phase from any thread, but in the loop's own: others read it there."""
    loop = asyncio.get_running_loop()

    def reach(phase: Phase) -> None:
        loop.call_soon_threadsafe(setattr, attempt, "phase", phase)

    return reach


async def run_to_end(work: asyncio.Future[T], wire: ByteStream) -> T:
    """The outcome of ``work`` on a thread; cut off, its wire is too, and its end is waited for."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        wire.abort()
        work.add_done_callback(_looked_at)
        await asyncio.wait({work}, timeout=END_S)
        raise


def _looked_at(work: asyncio.Future[T]) -> None:
    """How it ended concerns nobody any more; asyncio would report it as forgotten."""
    if not work.cancelled():
        work.exception()

"""A session that stays open: a request goes out, its answer comes back whole, one at a time.

Requests are plain futures and not coroutines: of a sample's time a task would be a fifth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..asyncssh.connection import Connection
from ..asyncssh.library import asyncssh
from ..errors import HostError, Phase
from ..ssh.messages import output_limit, truncated
from ..transport import OUTPUT_LIMIT

__all__ = ["SamplingSession"]


class SamplingSession(asyncssh.SSHClientSession[bytes]):
    """One session on a connection; `open` makes it."""

    def __init__(self, connection: Connection) -> None:
        self._where = connection.where
        self._link = connection.link
        self._received = bytearray()
        self._is_whole: Callable[[bytearray], bool] = _never
        self._answer: asyncio.Future[bytes] | None = None
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._lost = False

    @classmethod
    async def open(
        cls, connection: Connection, *, command: str | None = None, subsystem: str | None = None
    ) -> SamplingSession:
        """A session of ``connection`` that runs a command or a subsystem. Raises HostError."""
        session = cls(connection)
        connection.attempt.phase = Phase.SESSION
        connection.link.budget.expect_command()
        try:
            await connection.ssh.begin_session(lambda: session, command, subsystem)
        except Exception as error:
            raise connection.translated(error) from error
        connection.attempt.phase = Phase.COMMAND
        return session

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return not self._lost

    def ask(self, request: bytes, is_whole: Callable[[bytearray], bool]) -> asyncio.Future[bytes]:
        """Send ``request``; the future is done once ``is_whole`` of what came since holds.

        Only one at a time: the next when the answer is there. The future fails with HostError
        ``lost`` or ``truncated`` when the session ends, with ``output_limit`` when the answer is
        too long, and with what ``is_whole`` raises.
        """
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if self._lost or self._channel is None:
            answer.set_exception(truncated(self._where, Phase.COMMAND, 0))
            return answer
        self._answer, self._is_whole = answer, is_whole
        self._received.clear()
        self._link.budget.expect_command()
        try:
            self._channel.write(request)
        except OSError as error:  # the far side has closed it, and its last word is on the way
            self._fail(truncated(self._where, Phase.COMMAND, 0, str(error)))
        return answer

    async def close(self) -> None:
        """End it and wait until the far side has too, which then may allow another session."""
        if self._channel is not None:
            self._channel.write_eof()
            self._channel.close()
            await self._channel.wait_closed()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The session is open."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """A part of the answer; what the far side says on its stderr is none."""
        if datatype is not None or self._answer is None:
            return
        self._received += data
        try:
            if self._is_whole(self._received):
                self._settle()
            elif len(self._received) > OUTPUT_LIMIT:
                self._fail(output_limit(self._where))
        except HostError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The session is closed, alone or with its connection."""
        del exc
        self._lost = True
        said = "the session was closed" if self._link.up else ""
        self._fail(truncated(self._where, Phase.COMMAND, len(self._received), said))

    def _settle(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(bytes(self._received))
        self._received.clear()

    def _fail(self, error: HostError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)


def _never(_received: bytearray) -> bool:
    """Before anything is asked."""
    return False

"""An SSH session that stays open: one request at a time, each with one complete answer.

A future gets the answer, or whatever handles it at once: a task for each request would add a fifth
to the time of a sample, and a future a twentieth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..asyncssh.connection import Connection
from ..asyncssh.slim_import import asyncssh
from ..errors import HostError, Phase
from ..ssh.messages import endless_messages, output_limit, truncated
from ..transport import OUTPUT_LIMIT

__all__ = ["Answer", "SamplingSession"]

_MOST_SAID = 1000
"""How many bytes of stderr are kept for the message of a session that ends."""


class Answer(Protocol):
    """What gets the answer to a request: a future, or an object with these methods of one."""

    def done(self) -> bool:
        """Whether it is settled, or not wanted any more."""
        ...

    def set_result(self, data: bytes, /) -> None:
        """Take the complete answer."""
        ...

    def set_exception(self, error: HostError, /) -> None:
        """Take the reason why there is none."""
        ...


class SamplingSession(asyncssh.SSHClientSession[bytes]):
    """One session of a connection; `open` starts it."""

    def __init__(self, connection: Connection) -> None:
        self._where = connection.where
        self._stream = connection.stream
        self._received = bytearray()
        self._stderr_bytes = 0
        self._said = b""
        self._is_complete: Callable[[bytes | bytearray], bool] = _never
        self._answer: Answer | None = None
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._lost = False

    @classmethod
    async def open(
        cls, connection: Connection, *, command: str | None = None, subsystem: str | None = None
    ) -> SamplingSession:
        """Open a session that runs a command or a subsystem. Raises HostError."""
        session = cls(connection)
        connection.attempt.phase = Phase.SESSION
        connection.stream.budget.expect_command()
        await connection.translate_errors(
            connection.ssh.begin_session(lambda: session, command, subsystem)
        )
        connection.attempt.phase = Phase.COMMAND
        return session

    @property
    def is_open(self) -> bool:
        """Whether it can take a request."""
        return not self._lost

    def request(
        self, text: bytes, is_complete: Callable[[bytes | bytearray], bool]
    ) -> asyncio.Future[bytes]:
        """As `send_request`; the future has the answer."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.send_request(text, is_complete, answer)
        return answer

    def send_request(
        self, text: bytes, is_complete: Callable[[bytes | bytearray], bool], answer: Answer
    ) -> None:
        """Send ``text``; ``answer`` gets what comes once ``is_complete`` is true of it.

        One request at a time: send the next when the answer has come. The answer fails with
        HostError ``lost`` or ``truncated`` when the session ends, with ``output_limit`` when it is
        too long, and with the HostError that ``is_complete`` raises.
        """
        if self._lost or self._channel is None:
            answer.set_exception(truncated(self._where, Phase.COMMAND, 0))
            return
        self._answer, self._is_complete = answer, is_complete
        self._received.clear()
        self._stderr_bytes = 0
        self._stream.budget.expect_command()
        try:
            self._channel.write(text)
        except OSError as error:  # the server has closed it
            self._fail(truncated(self._where, Phase.COMMAND, 0, str(error)))

    async def close(self) -> None:
        """Close the session and wait for the server, which may allow another one only then."""
        if self._channel is not None:
            self._channel.write_eof()
            self._channel.close()
            await self._channel.wait_closed()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Keep the channel of the open session."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Take a part of the answer; of stderr only count the bytes, and keep the first."""
        if datatype is not None and len(self._said) < _MOST_SAID:
            self._said += data[:_MOST_SAID]
        if self._answer is None:
            return
        self._stream.budget.give_back(len(data))
        try:
            if datatype is not None:
                self._stderr_bytes += len(data)
            elif not self._received and self._is_complete(
                data
            ):  # most often, and nothing is joined
                self._settle(data)
                return
            else:
                self._received += data
            if self._is_complete(self._received):
                self._settle(bytes(self._received))
            elif len(self._received) + self._stderr_bytes > OUTPUT_LIMIT:
                self._fail(output_limit(self._where))
        except HostError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request: the session was closed, alone or with its connection."""
        del exc
        self._lost = True
        if self._stream.budget.exceeded:
            self._fail(endless_messages(self._where))
            return
        problem = "the session was closed" if self._stream.up else ""
        received = len(self._received)
        self._fail(truncated(self._where, Phase.COMMAND, received, problem, self._said))

    def _settle(self, data: bytes) -> None:
        answer, self._answer = self._answer, None
        self._received.clear()
        if answer is not None and not answer.done():
            answer.set_result(data)

    def _fail(self, error: HostError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)


def _never(_received: bytes | bytearray) -> bool:
    """Without a request no answer is complete."""
    return False

"""One command in one session: its output, and whether that is complete.

asyncssh's ``SSHClientConnection.run`` returns normally when the connection is lost in the middle of
the output, and its timeout does not bound how much a host sends. So this session collects the
output itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ..errors import HostError, Phase
from ..ssh.messages import ended_by_signal, endless_messages, output_limit, truncated
from ..transport import OUTPUT_LIMIT, CommandOutput
from .slim_import import asyncssh
from .stream import ByteStream

__all__ = ["CommandSession"]


class CommandSession(asyncssh.SSHClientSession[bytes]):
    """Collects the output of a command until it ends, or can no longer end with a status.

    ``stdin`` is the command's whole input. ``on_complete`` is called as soon as status and output
    are complete, from within the callback that received the last part.
    """

    def __init__(
        self,
        where: str,
        stream: ByteStream,
        stdin: bytes = b"",
        on_complete: Callable[[], None] | None = None,
    ) -> None:
        self._where = where
        self._stream = stream
        self._stdin = stdin
        self._on_complete = on_complete
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._exit_status: int | None = None
        self._complete = False
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._fault: HostError | None = None
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    @property
    def received(self) -> tuple[bytearray, bytearray]:
        """stdout and stderr, as far as they have come."""
        return self._stdout, self._stderr

    async def output(self) -> CommandOutput:
        """Wait for the end.

        Raises HostError ``truncated``, ``lost``, ``output_limit``, ``command_failed`` (a signal).
        """
        await self._ended
        if self._fault is not None:
            raise self._fault
        if self._stream.budget.exceeded:
            raise endless_messages(self._where)
        if self._exit_status is None or not self._complete:
            said = "" if self._exit_status is None else "its output did not end"
            if self._stream.up:
                said = "the session was closed without an exit status"
            received = len(self._stdout) + len(self._stderr)
            raise truncated(self._where, Phase.COMMAND, received, said, bytes(self._stderr))
        return CommandOutput(
            stdout=bytes(self._stdout), stderr=bytes(self._stderr), exit_status=self._exit_status
        )

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The session is open; asyncssh sends the request to run the command right after this.

        The input and its end, for which a login shell may wait, go out with that request instead
        of after its answer: one write less.
        """
        self._channel = chan
        asyncio.get_running_loop().call_soon(self._send_input, chan)

    def _send_input(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        with contextlib.suppress(OSError):  # the server has closed the session meanwhile
            chan.write(self._stdin)
        chan.write_eof()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Output of either stream."""
        stream = self._stdout if datatype is None else self._stderr
        stream += data
        if self._fault is None:
            self._stream.budget.give_back(len(data))
        if len(self._stdout) + len(self._stderr) > OUTPUT_LIMIT and self._fault is None:
            self._fault = output_limit(self._where)
            if self._channel is not None:
                self._channel.abort()
            self._end()

    def eof_received(self) -> bool:
        """Both streams are at their end; the exit status may come before or after this."""
        self._complete = True
        if self._exit_status is not None:
            self._complete_session()
        return True

    def exit_status_received(self, status: int) -> None:
        """The command ended by itself."""
        self._exit_status = status
        if self._complete:
            self._complete_session()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """The command was killed."""
        del core_dumped, msg, lang
        self._fault = ended_by_signal(self._where, signal, bytes(self._stderr))
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed: by the server, which ends its streams, or with the connection."""
        if exc is None and self._stream.up:
            self._complete = True
        self._end()

    def _complete_session(self) -> None:
        self._end()
        if self._on_complete is not None:
            self._on_complete()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

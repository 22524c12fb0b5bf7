"""A connection with asyncssh, and what can be done with it."""

from __future__ import annotations

from ..errors import HostError, Phase
from ..ssh.connection import ErrorContext, SshConnection
from ..ssh.long_command import split_command
from ..transport import Attempt, CommandOutput
from .client import ClientConnection
from .command import CommandSession
from .errors import translate_error
from .login import Login
from .stream import ByteStream

__all__ = ["Connection"]


class Connection(SshConnection[ByteStream]):
    """One connection; logged in once it is open."""

    __slots__ = ("login", "ssh")

    closes_its_stream = True

    ssh: ClientConnection
    """Set by the login."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.login: Login | None = None
        """What the login met, also where it failed; None before it begins."""

    @property
    def up(self) -> bool:
        """Whether it can still be used."""
        return self.stream.up

    async def run(self, command: str, *, then_closed: bool = False) -> CommandOutput:
        """Run a command; as `Transport.execute`.

        The connection is dropped with the end of the output, unless ``then_closed``: that waits
        until the session is closed on both sides, so that a server which allows one at a time
        (MaxSessions 1) allows the next.
        """
        return await self.translate_errors(self._run(command, then_closed=then_closed))

    async def _run(self, command: str, *, then_closed: bool) -> CommandOutput:
        attempt, stream = self.attempt, self.stream
        attempt.phase = Phase.SESSION
        stream.budget.expect_command()
        if not then_closed:
            self.ssh.expect_last_session()
        request, stdin = split_command(command)
        session = CommandSession(self.where, stream, stdin, None if then_closed else self.ssh.drop)
        channel = await self.ssh.begin_session(lambda: session, request)
        attempt.phase, attempt.output = Phase.COMMAND, session.received
        output = await session.output()
        attempt.output = (b"", b"")  # a kept connection keeps its attempt
        if then_closed:
            await channel.wait_closed()
        return output

    def _translate(self, error: Exception, context: ErrorContext[ByteStream]) -> HostError:
        return translate_error(error, context, self.login)

    async def close(self) -> None:
        """Drop the connection without a disconnect message, which would cost a round trip."""
        self.ssh.abort()
        await self.stream.close()
        if self.undo is not None:
            await self.undo.aclose()
        await self.ssh.wait_closed()

"""A connection that is logged in, and what can be done with it."""

from __future__ import annotations

from contextlib import AsyncExitStack

from ...core.record import record
from ..errors import HostError, Phase
from ..ssh.routes.routes import Route
from ..transport import Attempt, CommandOutput
from .client import ClientConnection
from .command import OneCommand
from .errors import translate_error
from .login import Login
from .stream import ByteStream

__all__ = ["Connection"]


@record
class Connection:
    """One connection, logged in."""

    attempt: Attempt
    where: str
    user: str
    way: Route[Connection, ByteStream]
    link: ByteStream
    login: Login
    ssh: ClientConnection
    undo: AsyncExitStack | None
    """What else it stands on: a proxy command, its place at a bastion; None: nothing."""

    @property
    def up(self) -> bool:
        """Whether it can still be used."""
        return self.link.up

    async def run(self, command: str, *, then_closed: bool = False) -> CommandOutput:
        """The command's output, as `Transport.execute`.

        The connection is dropped with the end of the output, unless ``then_closed``: that waits
        until the session is closed on both sides: where a server allows one alone (MaxSessions 1)
        the next may be opened then.
        """
        attempt = self.attempt
        attempt.phase = Phase.SESSION
        self.link.budget.expect_command()
        if not then_closed:
            self.ssh.expect_last_session()
        session = OneCommand(self.where, self.link, None if then_closed else self.ssh.drop)
        try:
            channel = await self.ssh.begin_session(lambda: session, command)
            attempt.phase = Phase.COMMAND
            output = await session.output()
            if then_closed:
                await channel.wait_closed()
        except Exception as error:
            raise self.translated(error) from error
        return output

    def translated(self, error: Exception) -> HostError:
        """What ``error``, met in using the connection, says about the host."""
        return translate_error(
            error,
            where=self.where,
            phase=self.attempt.phase,
            user=self.user,
            link=self.link,
            login=self.login,
        )

    async def close(self) -> None:
        """Drop the connection without a farewell: a round trip that nobody needs."""
        self.ssh.abort()
        await self.link.close()
        if self.undo is not None:
            await self.undo.aclose()
        await self.ssh.wait_closed()

"""An SSH server that lets everybody in and then ends the session in a way of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from tests.support.ssh.server_in_thread import server_in_thread

__all__ = ["ENDINGS", "WORDS", "bad_session_server", "banner_server"]

WORDS = "Your account has expired; please contact your administrator."
"""What a server of this module says on stderr, or in a banner."""

Ending = Callable[[asyncssh.SSHServerChannel, asyncssh.SSHServerConnection], None]

ENDINGS: dict[str, Ending] = {}
"""What the server does once a command has started, by the command's text."""


def _ending(end: Ending) -> Ending:
    ENDINGS[end.__name__] = end
    return end


@_ending
def a_close_without_end_of_file(chan, conn):
    """Legal (RFC 4254, 5.3), and what Go's SSH servers do."""
    chan.write(b"whole")
    chan.exit(3)


@_ending
def no_exit_status(chan, conn):
    chan.write(b"whole?")
    chan.close()


@_ending
def no_exit_status_and_no_output(chan, conn):
    chan.close()


@_ending
def a_lost_connection_in_the_output(chan, conn):
    chan.write(b"hal")
    asyncio.get_running_loop().call_soon(conn.abort)


@_ending
def a_lost_connection_after_the_status(chan, conn):
    """A status says that the command has ended, not that its output has come."""
    chan.write(b"hal")
    chan._send_request(b"exit-status", (0).to_bytes(4, "big"))
    asyncio.get_running_loop().call_soon(conn.abort)


@_ending
def a_farewell_after_the_status(chan, conn):
    """The disconnect of an orderly end (by application), in the middle of the output."""
    chan.write(b"hal")
    chan._send_request(b"exit-status", (0).to_bytes(4, "big"))
    conn._send_disconnect(11, "bye", "")
    asyncio.get_running_loop().call_soon(conn.abort)


@_ending
def a_lost_connection_without_output(chan, conn):
    asyncio.get_running_loop().call_soon(conn.abort)


@_ending
def a_signal(chan, conn):
    chan.write(b"some")
    chan.exit_with_signal("TERM", False, "\x1b[31m")


@_ending
def everything_on_stderr(chan, conn):
    chan.write_stderr(b"x" * 300_000)
    chan.exit(0)


@_ending
def words_and_no_exit_status(chan, conn):
    chan.write_stderr(WORDS.encode())
    chan.close()


@_ending
def words_and_a_signal(chan, conn):
    chan.write_stderr(WORDS.encode())
    chan.exit_with_signal("KILL", False, "")


@_ending
def words_and_nothing_further(chan, conn):
    """As a login shell that waits for an answer."""
    chan.write_stderr(WORDS.encode())
    chan.write(b"New password: ")


@_ending
def nothing_ever(chan, conn):
    pass


class _Session(asyncssh.SSHServerSession):
    def connection_made(self, chan):
        self.chan = chan

    def exec_requested(self, command):
        self.command = command
        return command != "refused"

    def eof_received(self):
        self._ending = asyncio.ensure_future(self._end())
        return True

    async def _end(self):
        # A client that has answered this has read the answer to its request to run the command:
        # what comes now is its output even if the end comes in the same segment.
        connection = self.chan.get_connection()
        await connection._make_global_request(b"keepalive@openssh.com")
        # A scan's own command has no ending here: its connection is lost.
        ENDINGS.get(self.command, a_lost_connection_without_output)(self.chan, connection)


class _Server(asyncssh.SSHServer):
    """Lets everybody in by any key, or by the password and the answers; ``none``: by nothing."""

    password = "correct horse"

    def __init__(self, methods: tuple[str, ...]) -> None:
        self.methods = methods

    def begin_auth(self, username):
        return "none" not in self.methods

    def public_key_auth_supported(self):
        return "publickey" in self.methods

    def validate_public_key(self, username, key):
        return True

    def password_auth_supported(self):
        return "password" in self.methods

    def validate_password(self, username, password):
        if password == "expired":
            raise asyncssh.PasswordChangeRequired("choose another")
        return password == self.password

    def kbdint_auth_supported(self):
        return "keyboard-interactive" in self.methods

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Password: ", False), ("Which is your town? ", True)]

    def validate_kbdint_response(self, username, responses):
        return list(responses) == [self.password, "Ghent"]

    def session_requested(self):
        return _Session()


@contextmanager
def bad_session_server(folder: Path, *methods: str) -> Iterator[int]:
    """On 127.0.0.1, in a thread of its own; yields the port and fills ``folder``/known_hosts."""

    async def listen(key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=lambda: _Server(methods or ("publickey",)),
            encoding=None,
            gss_host=None,
        )

    with server_in_thread(folder, listen) as port:
        yield port


class _BannerServer(asyncssh.SSHServer):
    """Says `WORDS` in a banner; then it hangs up, or lets the login wait."""

    def __init__(self, *, hangs_up: bool) -> None:
        self._hangs_up = hangs_up

    def connection_made(self, conn):
        self._connection = conn

    async def begin_auth(self, username):
        self._connection.send_auth_banner(WORDS)
        if self._hangs_up:
            asyncio.get_running_loop().call_soon(self._connection.abort)
        await asyncio.Event().wait()


@contextmanager
def banner_server(folder: Path, *, hangs_up: bool) -> Iterator[int]:
    """As `bad_session_server`; nobody is let in."""

    async def listen(key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=lambda: _BannerServer(hangs_up=hangs_up),
            gss_host=None,
        )

    with server_in_thread(folder, listen) as port:
        yield port

"""One simulated host as an SSH server, with its keys, files and commands."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Container, Mapping

import asyncssh

from ...collector.probe.labels import SOCKSTAT, SOCKSTAT6
from ...collector.ssh.long_command import READER_PREFIX
from ..fleet.server_keys import ServerKey
from ..host.answer import Answer, answer
from ..host.namespace_lines import namespace_lines
from ..host.proc_files import proc_files
from ..scenario.faults import Fault
from ..scenario.scenario import Scenario, SimulatedHost
from .command_faults import apply_account_fault, respond
from .login import ServerLogin
from .sftp import ProcFileServer

__all__ = ["SshHost"]

_FAULTS_WITHOUT_COMMANDS = frozenset(
    {
        Fault.NO_SESSION,
        Fault.STALLED_SESSION,
        Fault.SESSION_FLOOD,
        Fault.CLOSED_IN_SESSION,
        Fault.RESET_IN_SESSION,
        Fault.EXEC_REFUSED,
        Fault.STALLED_EXEC,
    }
)
_INVALID_NUMBERS = {
    Fault.GARBLED: b"orphan 0x",
    Fault.NOT_TEXT: b"orphan \xff\x00\xc3",
    Fault.GIANT_NUMBER: b"orphan " + b"9" * 1000,
}


class SshHost:
    """Serves connections to one host; creates its files at the first connection."""

    def __init__(
        self,
        host: SimulatedHost,
        scenario: Scenario,
        *,
        key: ServerKey,
        user_key: asyncssh.SSHKey,
        neighbours: Container[str],
    ) -> None:
        self.host = host
        self._scenario = scenario
        self._key = key
        self._user_key = user_key.public_data
        self._neighbours = neighbours

    async def serve(self, connection: socket.socket) -> None:
        """Serve an accepted connection until it ends; close it on cancellation."""
        await asyncio.sleep(self.host.banner_s)
        login = ServerLogin(self.host, self._scenario.user, self._user_key, self._neighbours)
        try:
            await asyncssh.run_server(connection, options=self._make_options(login))
            await login.ended.wait()
        finally:
            # run_server() returns the connection only after the login, so a connection that is
            # cancelled before must be closed here.
            if login.connection is not None:
                login.connection.abort()
                await login.connection.wait_closed()

    def _make_options(self, login: ServerLogin) -> asyncssh.SSHServerConnectionOptions:
        host = self.host
        files = self._make_files()
        factories: dict[str, object] = {}
        if host.fault not in _FAULTS_WITHOUT_COMMANDS:
            session = _Session(host, files)
            factories = {
                "process_factory": session.run,
                "sftp_factory": lambda chan: ProcFileServer(chan, files, host.command_s),
            }
        return asyncssh.SSHServerConnectionOptions(
            config=None,
            server_factory=lambda: login,
            server_host_keys=[self._key.shown],
            server_host_certs=list(self._key.certificates),
            encoding=None,
            allow_pty=False,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=0,
            kex_algs=self._scenario.key_exchange,
            rekey_bytes=1 if host.fault is Fault.REKEYS else (),
            **factories,
        )

    def _make_files(self) -> Mapping[str, bytes]:
        files = dict(proc_files(self.host.contents))
        if self.host.fault is Fault.NOT_LINUX:
            del files[SOCKSTAT]
            files.pop(SOCKSTAT6, None)
        elif self.host.fault in _INVALID_NUMBERS:
            files[SOCKSTAT] = files[SOCKSTAT].replace(b"orphan ", _INVALID_NUMBERS[self.host.fault])
        return files


class _Session:
    """Runs the commands of one host's connections."""

    def __init__(self, host: SimulatedHost, files: Mapping[str, bytes]) -> None:
        self._host = host
        self._files = files

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Answer one command, or play the host's fault."""
        try:
            await asyncio.sleep(self._host.command_s)
            command = await _read_command(process)
            await respond(process, self._make_reply(command), self._host.fault)
        except (asyncssh.Error, OSError):
            process.close()  # the client has closed the connection

    def _make_reply(self, command: str | None) -> Answer:
        if command is None:
            return Answer(stderr=b"this host runs single commands only\n", exit_status=1)
        contents = self._host.contents
        reply = answer(
            command,
            self._files,
            page_size=contents.kernel.page_size,
            namespaces=namespace_lines(contents),
        )
        return apply_account_fault(reply, self._host.fault)


async def _read_command(process: asyncssh.SSHServerProcess[bytes]) -> str | None:
    """The command of the request, or the one that it reads from its standard input."""
    command = process.command
    if command is None or not command.startswith(READER_PREFIX):
        return command
    return (await process.stdin.readline()).decode("utf-8", "replace").rstrip("\n")

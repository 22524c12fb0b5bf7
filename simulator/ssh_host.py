"""One simulated host as an SSH server: login, commands, and the faults after the version line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import asyncssh

from ..collector.probe import SOCKSTAT, SOCKSTAT6
from .answer import Answer, answer
from .faults import Fault
from .namespace_lines import namespace_lines
from .proc_files import proc_files
from .scenario import Scenario, SimulatedHost
from .sftp import ProcFileServer

__all__ = ["SshHost"]

_FLOOD = b"x" * 65536
_CUT_OFF_AFTER_S = 0.2
"""Time for the first half to be sent (uvloop does that later) and read: a reset overtakes it."""


class SshHost:
    """Serves connections to one host. Nothing is made before the first one comes."""

    def __init__(
        self,
        host: SimulatedHost,
        scenario: Scenario,
        *,
        host_key: asyncssh.SSHKey,
        user_key: asyncssh.SSHKey,
    ) -> None:
        self.host = host
        self._scenario = scenario
        self._host_key = host_key
        self._user_key = user_key.public_data

    async def serve(self, connection: socket.socket) -> None:
        """Play the host on an accepted connection until it ends; closes it when cancelled."""
        await asyncio.sleep(self.host.banner_s)
        login = _Login(self.host, self._scenario.user, self._user_key)
        try:
            await asyncssh.run_server(connection, options=self._options(login))
            await login.ended.wait()
        finally:
            # run_server() returns the connection after the login only: one that is cancelled
            # before that is closed nowhere else.
            if login.connection is not None:
                login.connection.abort()
                await login.connection.wait_closed()

    def _options(self, login: _Login) -> asyncssh.SSHServerConnectionOptions:
        host = self.host
        files = self._files()
        factories: dict[str, object] = {}
        if host.fault is not Fault.NO_SESSION:
            session = _Session(host, files)
            factories = {
                "process_factory": session.run,
                "sftp_factory": lambda chan: ProcFileServer(chan, files, host.command_s),
            }
        return asyncssh.SSHServerConnectionOptions(
            config=None,
            server_factory=lambda: login,
            server_host_keys=[self._host_key],
            encoding=None,
            allow_pty=False,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=0,
            kex_algs=self._scenario.key_exchange,
            **factories,
        )

    def _files(self) -> Mapping[str, bytes]:
        files = dict(proc_files(self.host.contents))
        if self.host.fault is Fault.NOT_LINUX:
            del files[SOCKSTAT]
            files.pop(SOCKSTAT6, None)
        elif self.host.fault is Fault.GARBLED:
            files[SOCKSTAT] = files[SOCKSTAT].replace(b"orphan ", b"orphan -")
        return files


class _Login(asyncssh.SSHServer):
    """Lets the fleet's user in with the fleet's key; asyncssh verifies the signature."""

    def __init__(self, host: SimulatedHost, user: str, user_key: bytes) -> None:
        self._host = host
        self._user = user
        self._user_key = user_key
        self.connection: asyncssh.SSHServerConnection | None = None
        self.ended = asyncio.Event()

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set()

    async def begin_auth(self, _username: str) -> bool:
        if self._host.fault is Fault.STALLED_AUTH:
            await self.ended.wait()
        await asyncio.sleep(self._host.auth_s)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return (
            self._host.fault is not Fault.DENIED
            and username == self._user
            and key.public_data == self._user_key
        )


class _Session:
    """Runs the commands of one host's connections."""

    def __init__(self, host: SimulatedHost, files: Mapping[str, bytes]) -> None:
        self._host = host
        self._files = files

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Answer one command, or misbehave as the host's fault says."""
        try:
            await asyncio.sleep(self._host.command_s)
            await self._answer(process, self._host.fault)
        except (asyncssh.Error, OSError):
            process.close()  # the far side has gone

    async def _answer(self, process: asyncssh.SSHServerProcess[bytes], fault: Fault | None) -> None:
        reply = self._reply(process.command)
        if fault is Fault.HANGS:
            await process.stdin.read()
            await process.wait_closed()
        elif fault is Fault.FLOODS:
            while True:
                process.stdout.write(_FLOOD)
                await process.stdout.drain()
        elif fault is Fault.CUT_OFF:
            process.stdout.write(reply.stdout[: len(reply.stdout) // 2])
            await process.stdout.drain()
            await asyncio.sleep(_CUT_OFF_AFTER_S)
            process.channel.get_connection().abort()
        else:
            process.stdout.write(reply.stdout)
            process.stderr.write(reply.stderr)
            process.exit(reply.exit_status)

    def _reply(self, command: str | None) -> Answer:
        if self._host.fault is Fault.NO_SHELL:
            return Answer(stdout=b"This account is currently not available.\n", exit_status=1)
        if command is None:
            return Answer(stderr=b"this host runs single commands only\n", exit_status=1)
        contents = self._host.contents
        reply = answer(
            command,
            self._files,
            page_size=contents.kernel.page_size,
            namespaces=namespace_lines(contents),
        )
        if self._host.fault is Fault.NOISY_LOGIN:
            noise = b"Welcome!\nTCP: inuse 999999 orphan 0 tw 0 alloc 999999 mem 0\n"
            return Answer(
                stdout=noise + reply.stdout, stderr=reply.stderr, exit_status=reply.exit_status
            )
        return reply

"""Authenticate users on a simulated host; play the faults of login, session and forwarding."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Container
from typing import NoReturn, cast

import asyncssh
from asyncssh.packet import String, UInt32

from ..scenario.faults import Fault
from ..scenario.scenario import SimulatedHost
from .connection_faults import reset
from .forwarding_faults import FORWARDING_FAULTS, FaultyStream

__all__ = ["ServerLogin"]

_TOO_MANY = "Too many authentication failures"  # sshd's own words (auth.c)
_CHANNEL_FAULTS = frozenset(
    {
        Fault.NO_SESSION,
        Fault.STALLED_SESSION,
        Fault.SESSION_FLOOD,
        Fault.CLOSED_IN_SESSION,
        Fault.RESET_IN_SESSION,
    }
)
_FLOOD = "welcome to the machine\n" * 100

_FLOOD_AT_ONCE = 100
_REKEY_S = 0.005

# Message numbers of RFC 8308, 2.3, RFC 4256, 5 and RFC 4254, 9.
_EXT_INFO, _INFO_REQUEST, _GLOBAL_REQUEST = 7, 60, 80
_REQUEST_WITHOUT_ANSWER = String("x") + bytes(1)
_CLAIMED = UInt32(2**32 - 1)


class ServerLogin(asyncssh.SSHServer):
    """Accepts the fleet's user with the fleet's key; asyncssh verifies the signature.

    Connections are forwarded to the addresses of ``neighbours``, as on a jump host.
    """

    def __init__(
        self, host: SimulatedHost, user: str, user_key: bytes, neighbours: Container[str]
    ) -> None:
        self._fault = host.fault
        self._auth_s = host.auth_s
        self._user = user
        self._user_key = user_key
        self._neighbours = neighbours
        self.connection: asyncssh.SSHServerConnection | None = None
        self.ended = asyncio.Event()
        self._flooding: asyncio.Future[None] | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set()

    async def begin_auth(self, _username: str) -> bool:
        await asyncio.sleep(self._auth_s)
        connection = self.connection
        if connection is None:
            return True
        if self._fault is Fault.STALLED_AUTH:
            await self.ended.wait()
        elif self._fault is Fault.CLOSED_IN_AUTH:
            connection.abort()
        elif self._fault is Fault.RESET_IN_AUTH:
            reset(connection)
        elif self._fault is Fault.TOO_MANY_FAILURES:
            connection.disconnect(asyncssh.DISC_PROTOCOL_ERROR, _TOO_MANY)
        elif self._fault is Fault.BANNER_FLOOD:
            while not self.ended.is_set():
                connection.send_auth_banner(_FLOOD)
                await asyncio.sleep(0)
        elif self._fault is Fault.CLAIMED_EXTENSIONS:
            connection.send_packet(_EXT_INFO, _CLAIMED)
            await self.ended.wait()
        return self._fault is not Fault.OPEN_TO_ALL

    def public_key_auth_supported(self) -> bool:
        return self._fault is not Fault.PASSWORD_ONLY

    def password_auth_supported(self) -> bool:
        return self._fault is Fault.PASSWORD_ONLY

    def kbdint_auth_supported(self) -> bool:
        return self._fault is Fault.CLAIMED_PROMPTS

    async def get_kbdint_challenge(self, _username: str, _lang: str, _submethods: str) -> bool:
        await self._claim_prompts()
        return False

    async def _claim_prompts(self) -> None:
        if self.connection is not None:
            self.connection.send_packet(_INFO_REQUEST, String(""), String(""), String(""), _CLAIMED)
            await self.ended.wait()

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if self._fault is Fault.CLAIMED_PROMPTS:
            await self._claim_prompts()
        return (
            self._fault is not Fault.DENIED
            and username == self._user
            and key.public_data == self._user_key
        )

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        """Called only on hosts without commands (`SshHost`)."""
        if self._fault in {Fault.EXEC_REFUSED, Fault.STALLED_EXEC}:
            return _SessionWithoutCommands(refuses=self._fault is Fault.EXEC_REFUSED)
        # asyncssh awaits the result, although its types do not allow that for this callback.
        return cast("asyncssh.SSHServerSession[bytes]", self._refuse_channel())

    def connection_requested(
        self, dest_host: str, _dest_port: int, _orig_host: str, _orig_port: int
    ) -> bool | asyncssh.SSHTCPSession[bytes] | Awaitable[asyncssh.SSHTCPSession[bytes]]:
        """Forward to a neighbour, or play a jump host's fault."""
        if self._fault in _CHANNEL_FAULTS:
            return self._refuse_channel()
        if self._fault in FORWARDING_FAULTS and self.connection is not None:
            return FaultyStream(self.connection, self._fault)
        if self._fault in {Fault.MESSAGE_FLOOD, Fault.REKEYS} and self._flooding is None:
            self._flooding = asyncio.ensure_future(self._send_messages())
        return dest_host in self._neighbours

    async def _send_messages(self) -> None:
        """Send messages without effect while forwarding; `rekey_bytes` makes each exchange keys."""
        while not self.ended.is_set() and self.connection is not None:
            for _ in range(1 if self._fault is Fault.REKEYS else _FLOOD_AT_ONCE):
                self.connection.send_debug("nothing to see here")
            await asyncio.sleep(_REKEY_S if self._fault is Fault.REKEYS else 0)

    async def _refuse_channel(self) -> NoReturn:
        if self._fault is Fault.STALLED_SESSION:
            await self.ended.wait()
        elif self._fault is Fault.SESSION_FLOOD and self.connection is not None:
            while not self.ended.is_set():
                for _ in range(_FLOOD_AT_ONCE):
                    self.connection.send_packet(_GLOBAL_REQUEST, _REQUEST_WITHOUT_ANSWER)
                await asyncio.sleep(0)
        elif self._fault is Fault.CLOSED_IN_SESSION and self.connection is not None:
            self.connection.abort()
        elif self._fault is Fault.RESET_IN_SESSION and self.connection is not None:
            reset(self.connection)
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")


class _SessionWithoutCommands(asyncssh.SSHServerSession[bytes]):
    """A session that refuses commands, or never answers the request for one."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses

    def exec_requested(self, _command: str) -> bool:
        # asyncssh sends no answer for None (undocumented, SSHChannel._service_next_request()).
        return False if self._refuses else cast("bool", None)

"""The ways to a host's SSH port for paramiko: over TCP, through a proxy command, or by bastions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import paramiko

from ..inventory.models import SshSettings
from .bastion import Bastions, Shared
from .dial import dial
from .errors import Category, HostError, Phase
from .paramiko_connection import Connection
from .paramiko_errors import said
from .paramiko_session import RefusedChannelError
from .paramiko_wire import Wire
from .proxy_command import ProxyCommand
from .resolver import Resolver
from .threads import DaemonThreads
from .timeouts import timed_out
from .transport import Attempt

__all__ = ["Stream", "Streams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A way that is open."""

    wire: Wire
    spent_s: float
    """Of the connect timeout; a shared bastion's opening is not this host's time."""
    proxy: ProxyCommand | None = None

    async def reason(self, error: HostError) -> HostError:
        """``error``, or what is behind it: a server does not hang up when its proxy has ended."""
        if self.proxy is None or error.category is not Category.DROPPED_PRE_BANNER:
            return error
        return await self.proxy.ended() or error


class Streams:
    """Opens streams for one scan and keeps the bastions that they go through."""

    def __init__(
        self,
        open_connection: Callable[[Attempt], Awaitable[Connection]],
        threads: DaemonThreads,
    ) -> None:
        self._resolver = Resolver()
        self._bastions = Bastions(open_connection)
        self._threads = threads

    async def open(
        self, attempt: Attempt, ssh: SshSettings, *, limit_s: float, undo: AsyncExitStack
    ) -> Stream:
        """The stream that ``ssh`` asks for; the wire is the caller's, ``undo`` closes the rest.

        Keeps ``attempt.phase``, ``address`` and ``hop``. Raises HostError within ``limit_s``, a
        bastion's opening apart; OSError where a proxy command cannot be started.
        """
        shared = None
        if ssh.jumps:
            shared = await self._bastions.take(attempt, ssh.jumps)
            undo.callback(self._bastions.give_back, shared)
        loop = asyncio.get_running_loop()
        began = loop.time()
        proxy = None
        sock: socket.socket | paramiko.Channel
        if shared is not None:
            sock = await self._through(shared, attempt, limit_s)
        elif ssh.proxy_command is not None:
            attempt.phase = Phase.CONNECT
            proxy = await ProxyCommand.start(ssh.proxy_command)
            undo.push_async_callback(proxy.stop)
            sock = proxy.sock
        else:
            sock = await self._straight(attempt, ssh, limit_s)
        return Stream(wire=Wire(sock), spent_s=loop.time() - began, proxy=proxy)

    async def _straight(self, attempt: Attempt, ssh: SshSettings, limit_s: float) -> socket.socket:
        host = attempt.host
        return await dial(
            attempt,
            self._resolver,
            address=host.address,
            port=host.port,
            family=ssh.address_family,
            bind_address=ssh.bind_address,
            timeout_s=limit_s,
        )

    async def _through(
        self, shared: Shared[Connection], attempt: Attempt, limit_s: float
    ) -> paramiko.Channel:
        host, session = attempt.host, shared.connection.session
        attempt.phase = Phase.CONNECT
        opening = self._threads.run(
            lambda: session.open_channel_to(host.address, host.port, limit_s)
        )
        try:
            async with asyncio.timeout(limit_s):
                channel = await asyncio.shield(opening)
        except TimeoutError:
            opening.add_done_callback(self._close_unwanted)
            raise timed_out(attempt, limit_s) from None
        except asyncio.CancelledError:
            opening.add_done_callback(self._close_unwanted)
            raise
        except (RefusedChannelError, paramiko.SSHException, EOFError, OSError) as error:
            raise shared.unreachable(host, said(error)) from error
        attempt.hop = None
        return channel

    def _close_unwanted(self, opening: asyncio.Future[paramiko.Channel]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._threads.run(opening.result().close)

    async def aclose(self) -> None:
        """Close the bastions' connections; look-ups that hang are left behind."""
        await self._bastions.aclose()
        self._resolver.close()

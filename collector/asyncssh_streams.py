"""The ways to a host's SSH port: straight over TCP, through a proxy command, or by bastions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

import asyncssh

from ..inventory.models import SshSettings
from .asyncssh_connection import Connection
from .asyncssh_link import Link
from .bastion import Bastions, Shared
from .dial import dial
from .errors import Category, HostError, Phase
from .proxy_command import ProxyCommand
from .resolver import Resolver
from .timeouts import timed_out
from .transport import Attempt

__all__ = ["Stream", "Streams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A way that is open."""

    link: Link
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

    def __init__(self, open_connection: Callable[[Attempt], Awaitable[Connection]]) -> None:
        self._resolver = Resolver()
        self._bastions = Bastions(open_connection)

    async def open(
        self,
        attempt: Attempt,
        ssh: SshSettings,
        reach: Callable[[Phase], None],
        *,
        limit_s: float,
        undo: AsyncExitStack,
    ) -> Stream:
        """The stream that ``ssh`` asks for; ``undo`` receives what closes it.

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
        if shared is not None:
            link = await self._through(shared, attempt, reach, limit_s, undo)
        elif ssh.proxy_command is not None:
            attempt.phase = Phase.CONNECT
            proxy = await ProxyCommand.start(ssh.proxy_command)
            undo.push_async_callback(proxy.stop)
            link = Link(reach, proxy.sock)
            undo.push_async_callback(link.close)
        else:
            link = await self._straight(attempt, ssh, reach, limit_s)
            undo.push_async_callback(link.close)
        return Stream(link=link, spent_s=loop.time() - began, proxy=proxy)

    async def _straight(
        self,
        attempt: Attempt,
        ssh: SshSettings,
        reach: Callable[[Phase], None],
        limit_s: float,
    ) -> Link:
        host = attempt.host
        sock = await dial(
            attempt,
            self._resolver,
            address=host.address,
            port=host.port,
            family=ssh.address_family,
            bind_address=ssh.bind_address,
            timeout_s=limit_s,
        )
        return Link(reach, sock)

    async def _through(
        self,
        shared: Shared[Connection],
        attempt: Attempt,
        reach: Callable[[Phase], None],
        limit_s: float,
        undo: AsyncExitStack,
    ) -> Link:
        host = attempt.host
        attempt.phase = Phase.CONNECT
        link = Link(reach)
        undo.push_async_callback(link.close)
        try:
            async with asyncio.timeout(limit_s):
                await shared.connection.ssh.create_connection(
                    lambda: cast("asyncssh.SSHTCPSession[str]", link), host.address, host.port
                )
        except TimeoutError:
            raise timed_out(attempt, limit_s) from None
        except (asyncssh.Error, OSError) as error:
            said = error.reason if isinstance(error, asyncssh.Error) else str(error)
            raise shared.unreachable(host, said) from error
        attempt.hop = None
        return link

    async def aclose(self) -> None:
        """Close the bastions' connections; look-ups that hang are left behind."""
        await self._bastions.aclose()
        self._resolver.close()

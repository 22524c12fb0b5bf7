"""The ways to a host's SSH port: straight over TCP, through a proxy command, or by bastions.

Both SSH transports take them; what a byte stream is to its library each says itself.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Generic, TypeVar

from ....core.record import record
from ....inventory.models import SshSettings
from ...errors import Category, HostError, Phase
from ...timeouts import timeout_error
from ...transport import Attempt
from .bastions import BastionConnection, Bastions, SharedBastion
from .proxy_command import ProxyCommand
from .resolver import Address, Resolver
from .tcp import connect

__all__ = ["Route", "Router"]

C = TypeVar("C", bound=BastionConnection)
S = TypeVar("S")


@record
class Route(Generic[C, S]):
    """A way that is open."""

    stream: S
    spent_s: float
    """Of the connect timeout; a shared bastion's opening is not this host's time."""
    proxy: ProxyCommand | None = None
    shared: SharedBastion[C] | None = None
    """The bastion that it goes through."""

    def rest_of(self, undo: AsyncExitStack) -> AsyncExitStack | None:
        """What of ``undo`` is left to a connection that closes its stream itself: None where that
        is all. A stack takes more memory than anything else of ours that stays with a connection.
        """
        return None if self.proxy is None and self.shared is None else undo

    async def reason(self, error: HostError) -> HostError:
        """``error``, or what is behind it: a server does not hang up when its way has ended."""
        if self.shared is not None:
            return self.shared.reason(error)
        if self.proxy is None or error.category is not Category.DROPPED_PRE_BANNER:
            return error
        return await self.proxy.ended() or error


class Router(Generic[C, S]):
    """Opens byte streams for one scan and keeps the bastions that they go through.

    ``open_connection`` logs in to a bastion. ``over`` makes a stream of a connected socket, which
    it then owns; ``through`` opens one from a bastion to the attempt's host, and may be cancelled.
    ``direct``, where there is one, opens one over TCP (`connect`). What they push on the stack
    closes
    the stream.
    """

    def __init__(
        self,
        open_connection: Callable[[Attempt], Awaitable[C]],
        *,
        over: Callable[[socket.socket, Attempt, AsyncExitStack], S],
        through: Callable[[SharedBastion[C], Attempt, AsyncExitStack], Awaitable[S]],
        direct: Callable[[Attempt, AsyncExitStack, Address], Awaitable[S]] | None = None,
    ) -> None:
        self._resolver = Resolver()
        self._bastions = Bastions(open_connection)
        self._over = over
        self._through = through
        self._direct = direct

    async def open(
        self, attempt: Attempt, ssh: SshSettings, *, limit_s: float, undo: AsyncExitStack
    ) -> Route[C, S]:
        """The way that ``ssh`` asks for; ``undo`` receives what closes it.

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
            stream = await self._by(shared, attempt, limit_s, undo)
        elif ssh.proxy_command is not None:
            attempt.phase = Phase.CONNECT
            proxy = await ProxyCommand.start(ssh.proxy_command)
            undo.push_async_callback(proxy.stop)
            stream = self._over(proxy.sock, attempt, undo)
        else:
            direct = self._direct
            stream = await connect(
                attempt,
                self._resolver,
                address=attempt.host.address,
                port=attempt.host.port,
                family=ssh.address_family,
                bind_address=ssh.bind_address,
                timeout_s=limit_s,
                over=lambda sock: self._over(sock, attempt, undo),
                direct=None if direct is None else functools.partial(direct, attempt, undo),
            )
        return Route(stream=stream, spent_s=loop.time() - began, proxy=proxy, shared=shared)

    async def _by(
        self, shared: SharedBastion[C], attempt: Attempt, limit_s: float, undo: AsyncExitStack
    ) -> S:
        attempt.phase = Phase.CONNECT
        try:
            async with asyncio.timeout(limit_s):
                stream = await self._through(shared, attempt, undo)
        except TimeoutError:
            raise timeout_error(attempt, limit_s) from None
        attempt.hop = None
        return stream

    async def aclose(self) -> None:
        """Close the bastions' connections; look-ups that hang are left behind."""
        await self._bastions.aclose()
        self._resolver.close()

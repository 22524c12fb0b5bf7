"""Open a route to a host's SSH port: TCP, a proxy command, or bastions.

Both SSH transports use it; each defines the byte stream that its library needs.
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
    """An open route to a host."""

    stream: S
    spent_s: float
    """The part of the connect timeout that is used up, without opening a shared bastion."""
    proxy: ProxyCommand | None = None
    shared: SharedBastion[C] | None = None
    """The bastion that the stream goes through; None without one."""

    def remaining_cleanup(self, undo: AsyncExitStack) -> AsyncExitStack | None:
        """Return what a connection must still close after its stream; None if nothing remains.

        Without a proxy command or bastion ``undo`` holds the stream alone. None saves the
        memory of an exit stack for each open connection.
        """
        return None if self.proxy is None and self.shared is None else undo

    async def explain(self, error: HostError) -> HostError:
        """Return the error of the bastion or proxy command that caused ``error``, or ``error``.

        When a route breaks, its stream ends as if the host had closed it.
        """
        if self.shared is not None:
            return self.shared.explain(error)
        if self.proxy is None or error.category is not Category.DROPPED_PRE_BANNER:
            return error
        return await self.proxy.explain_exit() or error


class Router(Generic[C, S]):
    """Opens the routes of one scan and keeps the connections to their bastions.

    A transport defines the byte streams; each callable pushes what closes its stream on the stack:

    - ``open_bastion`` logs in to a bastion
    - ``wrap_socket`` makes a stream of a connected socket, which the stream then owns
    - ``open_channel`` opens a stream from a bastion to the attempt's host; it may be cancelled
    - ``connect_directly``, if not None, opens a stream over TCP itself (`tcp.connect`)
    """

    def __init__(
        self,
        open_bastion: Callable[[Attempt], Awaitable[C]],
        *,
        wrap_socket: Callable[[socket.socket, Attempt, AsyncExitStack], S],
        open_channel: Callable[[SharedBastion[C], Attempt, AsyncExitStack], Awaitable[S]],
        connect_directly: Callable[[Attempt, AsyncExitStack, Address], Awaitable[S]] | None = None,
    ) -> None:
        self._resolver = Resolver()
        self._bastions = Bastions(open_bastion)
        self._wrap_socket = wrap_socket
        self._open_channel = open_channel
        self._connect_directly = connect_directly

    async def open(
        self, attempt: Attempt, ssh: SshSettings, *, limit_s: float, undo: AsyncExitStack
    ) -> Route[C, S]:
        """Open the route that ``ssh`` defines, and push what closes it on ``undo``.

        Updates ``attempt.phase``, ``address`` and ``hop``. Raises HostError, within ``limit_s``
        after the bastion is open, and OSError when a proxy command cannot be started.
        """
        shared = None
        if ssh.jumps:
            shared = await self._bastions.acquire(attempt, ssh.jumps)
            undo.callback(self._bastions.release, shared)
        loop = asyncio.get_running_loop()
        began = loop.time()
        proxy = None
        if shared is not None:
            stream = await self._open_through(shared, attempt, limit_s, undo)
        elif ssh.proxy_command is not None:
            attempt.phase = Phase.CONNECT
            proxy = await ProxyCommand.start(ssh.proxy_command)
            undo.push_async_callback(proxy.stop)
            stream = self._wrap_socket(proxy.sock, attempt, undo)
        else:
            direct = None
            if self._connect_directly is not None:
                direct = functools.partial(self._connect_directly, attempt, undo)
            stream = await connect(
                attempt,
                self._resolver,
                address=attempt.host.address,
                port=attempt.host.port,
                family=ssh.address_family,
                bind_address=ssh.bind_address,
                timeout_s=limit_s,
                wrap_socket=lambda sock: self._wrap_socket(sock, attempt, undo),
                connect_directly=direct,
            )
        return Route(stream=stream, spent_s=loop.time() - began, proxy=proxy, shared=shared)

    async def _open_through(
        self, shared: SharedBastion[C], attempt: Attempt, limit_s: float, undo: AsyncExitStack
    ) -> S:
        attempt.phase = Phase.CONNECT
        try:
            async with asyncio.timeout(limit_s):
                stream = await self._open_channel(shared, attempt, undo)
        except TimeoutError:
            raise timeout_error(attempt, limit_s) from None
        attempt.hop = None
        return stream

    async def aclose(self) -> None:
        """Close the bastions' connections; do not wait for look-ups that hang."""
        await self._bastions.aclose()
        self._resolver.close()

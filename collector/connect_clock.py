"""The connect timeout, which stands still while the host is not the one that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from .timeouts import timed_out
from .transport import Attempt

__all__ = ["ConnectClock"]


class ConnectClock:
    """Bounds one login by ``limit_s``, of which some may have been spent on the way to it."""

    def __init__(self, attempt: Attempt, limit_s: float) -> None:
        self._attempt = attempt
        self._limit_s = limit_s
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def running(self, *, spent_s: float) -> AsyncIterator[None]:
        """When the time is used up, raises the HostError of the phase that the attempt is in."""
        self._timeout = asyncio.timeout(self._limit_s - spent_s)
        try:
            async with self._timeout:
                yield
        except TimeoutError:
            if not self._timeout.expired():  # the kernel's own, ETIMEDOUT
                raise
            raise timed_out(self._attempt, self._limit_s) from None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Time in here does not count: the user is typing."""
        timeout = self._timeout
        when = None if timeout is None else timeout.when()
        if timeout is None or when is None:
            yield
            return
        loop = asyncio.get_running_loop()
        left_s = when - loop.time()
        timeout.reschedule(None)
        try:
            yield
        finally:
            if not timeout.expired():
                timeout.reschedule(loop.time() + left_s)

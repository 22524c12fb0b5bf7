"""The connect timeout, which stands still while the host is not the one that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from .timeouts import timed_out
from .transport import Attempt

__all__ = ["ConnectClock"]


class ConnectClock:
    """``async with`` around a login: bounds it by ``limit_s``, of which ``spent_s`` are gone.

    When the time is used up it raises the HostError of the phase that the attempt is in.
    """

    def __init__(self, attempt: Attempt, limit_s: float, *, spent_s: float = 0.0) -> None:
        self._attempt = attempt
        self._limit_s = limit_s
        self._timeout = asyncio.timeout(limit_s - spent_s)

    @property
    def left_s(self) -> float:
        """Seconds left; only while running."""
        when = self._timeout.when()
        return self._limit_s if when is None else when - asyncio.get_running_loop().time()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Time in here does not count: waiting for our own slot, or for the user to type."""
        left_s = self.left_s
        self._timeout.reschedule(None)
        try:
            yield
        finally:
            if not self._timeout.expired():
                self._timeout.reschedule(asyncio.get_running_loop().time() + left_s)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise timed_out(self._attempt, self._limit_s) from None

"""The connect timeout, which pauses while the user types a password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from ..timeouts import timeout_error
from ..transport import Attempt

__all__ = ["ConnectTimeout"]


class ConnectTimeout:
    """Bound the ``async with`` block, a login, by ``limit_s``, of which ``spent_s`` are used up.

    Raises the HostError of the attempt's phase when the time is up. `stopped` pauses it while the
    user types.
    """

    __slots__ = ("_attempt", "_is_running", "_limit_s", "_timeout")

    def __init__(self, attempt: Attempt, limit_s: float, *, spent_s: float = 0.0) -> None:
        self._attempt = attempt
        self._limit_s = limit_s
        self._timeout = asyncio.timeout(limit_s - spent_s)
        self._is_running = False

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._is_running = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_running = False
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise timeout_error(self._attempt, self._limit_s) from None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Do not count the time of this block, which may end after the login."""
        loop = asyncio.get_running_loop()
        began, ends = loop.time(), self._timeout.when()
        self._reschedule(None)
        try:
            yield
        finally:
            self._reschedule(None if ends is None else ends + loop.time() - began)

    def _reschedule(self, when: float | None) -> None:
        """Set the time, unless it is up or the login is over: `asyncio.Timeout` raises then."""
        if self._is_running and not self._timeout.expired():
            self._timeout.reschedule(when)

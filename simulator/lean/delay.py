"""A delay for thousands of connections with a single timer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Delay"]

_EARLY_S = 0.0005
"""uvloop rounds a timer to the nearest millisecond."""


class Delay:
    """Calls functions after a constant delay, in the order of their submission."""

    __slots__ = ("_delay_s", "_waiting", "_wakes")

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._waiting: deque[tuple[float, Callable[[bytes], None], bytes]] = deque()
        self._wakes = False

    def call(self, function: Callable[[bytes], None], data: bytes) -> None:
        """Call ``function`` with ``data`` after the delay."""
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + self._delay_s, function, data))
        if not self._wakes:
            self._wake(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._wakes = True
        loop.call_at(self._waiting[0][0], self._run)

    def _run(self) -> None:
        loop = asyncio.get_running_loop()
        waiting, now = self._waiting, loop.time() + _EARLY_S
        try:
            while waiting and waiting[0][0] <= now:
                _, function, data = waiting.popleft()
                function(data)
        finally:
            self._wakes = False
            if waiting:
                self._wake(loop)

"""How many SSH handshakes may be under way at once, by how well this machine keeps up.

A handshake is mostly our own arithmetic. 300 at once on one core made hosts miss their login
timeout that had done nothing wrong; 30 did not. Across a slow network, though, 30 leave the core
idle. So the limit follows the event loop's lag: it grows while callbacks run on time and somebody
waits, and shrinks when they are late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager

__all__ = ["HandshakeLimit"]

START = 32
LEAST = 4
TICK_S = 0.05
LATE_S = 0.1
"""A tick this late means that the loop has more work than time."""
ON_TIME_S = 0.02


class HandshakeLimit:
    """A semaphore whose size adapts; `watch` must run beside the handshakes."""

    def __init__(self, most: int, *, start: int = START) -> None:
        self.most = most
        self.limit = min(start, most)
        self.lost_s = 0.0
        """How late all ticks so far came, together: time in which nobody else could be served."""
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Held from the TCP connection to the end of the login."""
        return _Slot(self)

    async def enter(self) -> None:
        """Take a place as soon as there is one; `leave` gives it back."""
        while self._running >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._let_in()  # the place that was just given away, if it was
                raise
        self._running += 1

    def leave(self) -> None:
        """Give a place back."""
        self._running -= 1
        self._let_in()

    async def watch(self) -> None:
        """Adapt the limit to the loop's lag until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.adapt(lag_s=loop.time() - due)

    def adapt(self, *, lag_s: float) -> None:
        """One step: a late tick takes a quarter away, one on time adds a quarter where wanted."""
        self.lost_s += max(lag_s, 0.0)
        if lag_s > LATE_S:
            self.limit = max(LEAST, self.limit * 3 // 4)
        elif lag_s < ON_TIME_S and self._waiting:
            self.limit = min(self.most, self.limit + max(1, self.limit // 4))
        self._let_in()

    def _let_in(self) -> None:
        free = self.limit - self._running
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


class _Slot(AbstractAsyncContextManager[None]):
    def __init__(self, limit: HandshakeLimit) -> None:
        self._limit = limit

    async def __aenter__(self) -> None:
        await self._limit.enter()

    async def __aexit__(self, *_raised: object) -> None:
        self._limit.leave()

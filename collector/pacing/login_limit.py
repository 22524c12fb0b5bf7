"""How many hosts are logged in to and asked at once, by how well this machine keeps up.

A login is mostly our own arithmetic. 300 at once on one core made hosts miss their login timeout
that had done nothing wrong; 30 did not. Across a slow network, though, 30 leave the core idle. So
the limit grows while somebody waits and the core has time left, and shrinks where it has none and
callbacks are late. More than fill the core only cost it: what waits has left the caches by its
turn (a quarter more a host with 1,000 at once than with 32, at no round-trip time).

A host takes its place when its TCP connection stands, so that one that does not answer takes none,
and keeps it to its end. Nor are hosts connected far ahead of the places that there are.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

__all__ = ["AdaptiveLoginLimit", "LoginSlot"]

START = 32
LEAST = 4
TICK_S = 0.05
LATE_S = 0.1
"""A tick this late means that the loop has more work than time."""
ON_TIME_S = 0.02
FULL = 0.9
"""This share of a tick spent at work means that the core has no time left."""


class AdaptiveLoginLimit:
    """A semaphore whose size adapts; `watch` must run beside those who have places."""

    def __init__(self, most: int, *, start: int = START) -> None:
        self.most = most
        self.limit = min(start, most)
        self.lost_s = 0.0
        """How late all ticks so far came, together: time in which nobody else could be served."""
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._ahead: deque[asyncio.Future[None]] = deque()
        self._is_over = False

    def place(self) -> LoginSlot:
        """A place to take once; it must be left, taken or not."""
        return LoginSlot(self)

    async def room(self) -> None:
        """Wait while enough are connected that have no place yet."""
        while self._has_enough_ahead() and not self._is_over:
            await _turn(self._ahead)

    def no_more(self) -> None:
        """No host is left to connect to: nobody needs to wait in `room`."""
        self._is_over = True
        for turn in _given(self._ahead, len(self._ahead)):
            turn.set_result(None)

    async def enter(self) -> None:
        """Take a place as soon as there is one; `leave` gives it back."""
        while self._running >= self.limit:
            try:
                await _turn(self._waiting)
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
            began, worked_s = loop.time(), _work_s()
            await asyncio.sleep(TICK_S)
            passed_s = loop.time() - began
            self.adapt(lag_s=passed_s - TICK_S, busy=(_work_s() - worked_s) / passed_s)

    def adapt(self, *, lag_s: float, busy: float) -> None:
        """One step: a full and late tick takes a quarter away, one with time left adds a half.

        ``busy`` is the share of the tick in which this process was at work, or would have been.
        """
        self.lost_s += max(lag_s, 0.0)
        if busy >= FULL:
            if lag_s > LATE_S:
                self.limit = max(LEAST, self.limit * 3 // 4)
        elif self._waiting:
            # A little even where others delay the loop: it has time, so it has too few hosts, or
            # all places are with hosts that take theirs.
            step = self.limit // (2 if lag_s < ON_TIME_S else 8)
            self.limit = min(self.most, self.limit + max(1, step))
        self._let_in(ahead=1 + self.limit // 4)

    def _has_enough_ahead(self) -> bool:
        return len(self._waiting) > LEAST + self.limit // 4

    def _let_in(self, ahead: int = 1) -> None:
        """Give the free places away, and let up to ``ahead`` further hosts connect: for a host
        that ends one, so that they come as they go and not all at once."""
        for turn in _given(self._waiting, self.limit - self._running):
            turn.set_result(None)
        if self._ahead and not self._has_enough_ahead():
            for turn in _given(self._ahead, ahead):
                turn.set_result(None)


class LoginSlot(AbstractAsyncContextManager[None]):
    """One host's; entered for each login on the way to it, and left once."""

    def __init__(self, limit: AdaptiveLoginLimit) -> None:
        self._limit = limit
        self._is_taken = False

    def taken(self) -> LoginSlot:
        """Itself, to be entered."""
        return self

    async def __aenter__(self) -> None:
        if not self._is_taken:
            await self._limit.enter()
            self._is_taken = True

    async def __aexit__(self, *_raised: object) -> None:
        """Nothing: the host has its place until it is done."""

    def leave(self) -> None:
        """Give the place back, if it was taken."""
        if self._is_taken:
            self._is_taken = False
            self._limit.leave()


async def _turn(queue: deque[asyncio.Future[None]]) -> None:
    turn = asyncio.get_running_loop().create_future()
    queue.append(turn)
    await turn


def _given(queue: deque[asyncio.Future[None]], count: int) -> Iterator[asyncio.Future[None]]:
    """The next ``count`` of those who still wait."""
    while queue and count > 0:
        turn = queue.popleft()
        if not turn.done():
            yield turn
            count -= 1


def _work_s() -> float:
    """How long this process has worked so far, and its thread here waited for a core that others
    had: no more would be done in that time, however much there were to do."""
    try:
        # Documentation/scheduler/sched-stats.rst
        waited_ns = int(Path("/proc/thread-self/schedstat").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):  # not Linux, or built without it
        waited_ns = 0
    return time.process_time() + waited_ns / 1e9

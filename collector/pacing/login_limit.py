"""How many hosts are logged in to at once: as many as this machine can serve in time.

A login is mostly the client's own arithmetic. 300 logins at once on one core made healthy hosts
miss their login timeout; 30 did not. Across a slow network, however, 30 leave the core idle. The
limit therefore grows while hosts wait and the core has time left, and shrinks when the core is full
and callbacks come late. More hosts than the core can serve only cost it time, as the data of a
waiting host has left the CPU caches by its turn (a quarter more CPU per host with 1,000 at once
than with 32, without network delay).

A slot is acquired after TCP connects and held until the host is done; unreachable hosts never hold
one. Only a few more hosts than there are slots are connected ahead.
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
"""A tick this late means that the event loop has more work than it can do."""
ON_TIME_S = 0.02
FULL = 0.9
"""A core that works for this share of a tick has no time left."""


class AdaptiveLoginLimit:
    """A semaphore whose size adapts while `adapt_until_cancelled` runs."""

    def __init__(self, most: int, *, start: int = START) -> None:
        self.most = most
        self.limit = min(start, most)
        self.lost_s = 0.0
        """The sum of all ticks' delays: time in which the event loop served no other host."""
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waiting_to_connect: deque[asyncio.Future[None]] = deque()
        self._all_connected = False

    def slot(self) -> LoginSlot:
        """A slot for one host, not acquired yet."""
        return LoginSlot(self)

    async def wait_to_connect(self) -> None:
        """Wait while enough connected hosts have no slot yet."""
        while self._has_enough_ahead() and not self._all_connected:
            await _wait_in(self._waiting_to_connect)

    def end_connecting(self) -> None:
        """Wake all that wait to connect: no host is left."""
        self._all_connected = True
        for turn in _take(self._waiting_to_connect, len(self._waiting_to_connect)):
            turn.set_result(None)

    async def acquire(self) -> None:
        """Wait for a free slot and take it; `release` gives it back."""
        while self._held >= self.limit:
            try:
                await _wait_in(self._waiting)
            except asyncio.CancelledError:
                self._wake()  # this waiter may have been woken for a slot that it will not take
                raise
        self._held += 1

    def release(self) -> None:
        """Give a slot back."""
        self._held -= 1
        self._wake()

    async def adapt_until_cancelled(self) -> None:
        """Adapt the limit to the event loop's lag, tick by tick."""
        loop = asyncio.get_running_loop()
        while True:
            began, worked_s = loop.time(), _work_s()
            await asyncio.sleep(TICK_S)
            passed_s = loop.time() - began
            self.adapt(lag_s=passed_s - TICK_S, busy=(_work_s() - worked_s) / passed_s)

    def adapt(self, *, lag_s: float, busy: float) -> None:
        """Adapt the limit after one tick: minus a quarter when it was late and full.

        It grows by a half when hosts wait and the core had time left. ``busy`` is the share of the
        tick in which this process worked, or waited for a core.
        """
        self.lost_s += max(lag_s, 0.0)
        if busy >= FULL:
            if lag_s > LATE_S:
                self.limit = max(LEAST, self.limit * 3 // 4)
        elif self._waiting:
            # Late but not full: something else delays the loop. The core has time for more hosts,
            # or slow hosts hold all slots, so the limit still grows a little.
            step = self.limit // (2 if lag_s < ON_TIME_S else 8)
            self.limit = min(self.most, self.limit + max(1, step))
        self._wake(connects=1 + self.limit // 4)

    def _has_enough_ahead(self) -> bool:
        return len(self._waiting) > LEAST + self.limit // 4

    def _wake(self, connects: int = 1) -> None:
        """Wake a waiter for each free slot, and up to ``connects`` hosts that wait to connect.

        One host that ends lets one connect, so that they do not connect all at once.
        """
        for turn in _take(self._waiting, self.limit - self._held):
            turn.set_result(None)
        if self._waiting_to_connect and not self._has_enough_ahead():
            for turn in _take(self._waiting_to_connect, connects):
                turn.set_result(None)


class LoginSlot(AbstractAsyncContextManager[None]):
    """One host's slot: entered for each login on the way to it, released once."""

    def __init__(self, limit: AdaptiveLoginLimit) -> None:
        self._limit = limit
        self._is_held = False

    def held(self) -> LoginSlot:
        """This slot as the context manager that acquires it."""
        return self

    async def __aenter__(self) -> None:
        if not self._is_held:
            await self._limit.acquire()
            self._is_held = True

    async def __aexit__(self, *_raised: object) -> None:
        """Keep the slot: the host holds it until `release`."""

    def release(self) -> None:
        """Give the slot back if it was acquired."""
        if self._is_held:
            self._is_held = False
            self._limit.release()


async def _wait_in(queue: deque[asyncio.Future[None]]) -> None:
    turn = asyncio.get_running_loop().create_future()
    queue.append(turn)
    await turn


def _take(queue: deque[asyncio.Future[None]], count: int) -> Iterator[asyncio.Future[None]]:
    """Take the next ``count`` waiters that are not cancelled out of the queue."""
    while queue and count > 0:
        turn = queue.popleft()
        if not turn.done():
            yield turn
            count -= 1


def _work_s() -> float:
    """Seconds that this process has worked, and that its thread waited for a core others used.

    More work would not get done in that time, so it counts as busy.
    """
    try:
        # Documentation/scheduler/sched-stats.rst
        waited_ns = int(Path("/proc/thread-self/schedstat").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):  # not Linux, or a kernel without schedstats
        waited_ns = 0
    return time.process_time() + waited_ns / 1e9

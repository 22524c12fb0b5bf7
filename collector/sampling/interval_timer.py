"""When rounds begin: at a fixed interval, whatever they take, and never two at once."""

from __future__ import annotations

import asyncio
import math

__all__ = ["IntervalTimer"]

_LATE = 0.1
_SHORTEST_S = 1.0


class IntervalTimer:
    """Begins now. A round that would be late by more than a tenth of the interval is left out."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._clock = asyncio.get_running_loop().time
        self._due = self._clock()

    def wait_s(self) -> float:
        """Seconds to the next round, which counts as begun then."""
        self._due += self._interval_s
        late_s = self._clock() - self._due
        if late_s > self._interval_s * _LATE and self._interval_s:
            self._due += math.ceil(late_s / self._interval_s) * self._interval_s
        return max(self._due - self._clock(), 0.0)

    def left_s(self) -> float | None:
        """Seconds that the round has until the next is due, one at least; None: without end."""
        if not self._interval_s:
            return None
        return max(self._due + self._interval_s - self._clock(), _SHORTEST_S)

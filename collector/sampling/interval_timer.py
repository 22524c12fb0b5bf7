"""When rounds begin: at a fixed interval, and never two at once."""

from __future__ import annotations

import asyncio
import math

__all__ = ["IntervalTimer"]

_LATE = 0.1
_SHORTEST_S = 1.0


class IntervalTimer:
    """Begins now. It skips a round that would begin more than a tenth of the interval late."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._clock = asyncio.get_running_loop().time
        self._due = self._clock()

    def wait_s(self) -> float:
        """Seconds until the next round, which is the current one from now on."""
        self._due += self._interval_s
        late_s = self._clock() - self._due
        if late_s > self._interval_s * _LATE and self._interval_s:
            self._due += math.ceil(late_s / self._interval_s) * self._interval_s
        return max(self._due - self._clock(), 0.0)

    def left_s(self) -> float | None:
        """Seconds until the next round is due, at least 1; None: the interval is 0."""
        if not self._interval_s:
            return None
        return max(self._due + self._interval_s - self._clock(), _SHORTEST_S)

"""Where the ticks of an axis are, and their labels."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

__all__ = ["time_ticks", "value_ticks"]

_HOUR_STEPS = (1, 2, 3, 6, 12)
_DAY_STEPS = (1, 2, 7, 14, 28, 56)
_MOST_TIME_TICKS = 8


def value_ticks(highest: float, most: int = 4) -> list[float]:
    """Return round values from 0 to at least ``highest``, at most ``most`` steps of 1, 2 or 5."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / most
    magnitude: float = 10 ** math.floor(math.log10(rough))
    steps = (unit * magnitude for unit in (1, 2, 2.5, 5, 10))
    # Sockets are counted in whole numbers.
    step = next((each for each in steps if each >= rough and each % 1 == 0), 1.0)
    return [step * number for number in range(math.ceil(highest / step) + 1)]


def time_ticks(start: float, end: float) -> list[tuple[float, str]]:
    """Return times at whole local hours or midnights between two Unix times, with their labels."""
    hours = (end - start) / 3600
    for step in _HOUR_STEPS:
        if hours / step <= _MOST_TIME_TICKS:
            return _hour_ticks(start, end, step)
    days = hours / 24
    step = next((each for each in _DAY_STEPS if days / each <= _MOST_TIME_TICKS), 112)
    first = datetime.fromtimestamp(start).astimezone()
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    ticks = []
    while midnight.timestamp() <= end:
        if midnight.timestamp() >= start:
            ticks.append((midnight.timestamp(), f"{midnight.day} {midnight:%b}"))
        # By the calendar: a day has 23 or 25 hours when the clock changes.
        midnight = (midnight.replace(tzinfo=None) + timedelta(days=step)).astimezone()
    return ticks


def _hour_ticks(start: float, end: float, step: int) -> list[tuple[float, str]]:
    first = datetime.fromtimestamp(start).astimezone()
    tick = first.replace(hour=first.hour - first.hour % step, minute=0, second=0, microsecond=0)
    ticks = []
    while tick.timestamp() <= end:
        if tick.timestamp() >= start:
            ticks.append((tick.timestamp(), f"{tick:%H:%M}"))
        tick += timedelta(hours=step)
    return ticks

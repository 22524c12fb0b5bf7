"""Fewer points of a course, for a small chart."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["highest_values", "shown_span"]

_LEAST_SPAN = 10.0


def highest_values(values: Sequence[float | None], most: int) -> list[float | None]:
    """Return at most ``most`` values: of each stretch the highest, so that no peak is lost."""
    count = min(most, len(values))
    highest: list[float | None] = []
    for number in range(count):
        part = values[number * len(values) // count : (number + 1) * len(values) // count]
        known = [value for value in part if value is not None]
        highest.append(max(known) if known else None)
    return highest


def shown_span(low: float, high: float) -> float:
    """The span of values that a small chart shows: noise of a few sockets stays flat."""
    return max(high - low, _LEAST_SPAN, 0.1 * high)

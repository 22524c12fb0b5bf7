"""The course of a number in a few characters."""

from __future__ import annotations

from ....history.report.model import Course
from ...course_points import highest_values, shown_span

__all__ = ["sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*#@"


def sparkline(course: Course, width: int, *, ascii_only: bool = False) -> str:
    """Return the course in ``width`` characters, each the highest value of its stretch.

    A blank is a stretch in which nothing was read.
    """
    highest = highest_values(course.values, width)
    known = [value for value in highest if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = shown_span(low, high)
    signs = _ASCII if ascii_only else _BLOCKS
    return "".join(
        " " if value is None else signs[min(7, int((value - low) / span * 8))] for value in highest
    )

"""The range of a level in the notation of the Monitoring Plugins guidelines: ``[@]start:end``.

https://www.monitoring-plugins.org/doc/guidelines.html#THRESHOLDFORMAT

    10       alert below 0 and above 10
    10:      below 10
    ~:10     above 10
    10:20    below 10 and above 20
    @10:20   from 10 to 20, both included
"""

from __future__ import annotations

import math
import re

from ...core.errors import UsageError
from ...core.record import record

__all__ = ["Range", "parse_range"]

_NUMBER = r"-?(?:[0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_RANGE = re.compile(rf"(@?)(?:(~|{_NUMBER})?:)?({_NUMBER})?")


@record
class Range:
    """Which values raise an alert."""

    start: float = 0.0
    """``-inf`` for ``~``."""
    end: float = math.inf
    inside: bool = False
    """Whether a value within the range, both ends included, raises the alert, not one outside."""

    def alerts(self, value: float) -> bool:
        """Whether the value raises an alert."""
        return (self.start <= value <= self.end) is self.inside

    def where(self, value: float) -> str:
        """Say in words where a value that raises an alert lies."""
        if self.inside:
            return f"within {self}".replace("@", "")
        if value > self.end:
            return f"above {_text(self.end)}"
        return f"below {_text(self.start)}"

    def __str__(self) -> str:
        """The shortest notation that the guidelines allow."""
        at = "@" if self.inside else ""
        end = "" if self.end == math.inf else _text(self.end)
        if self.start == 0 and end:
            return at + end
        start = "~" if self.start == -math.inf else _text(self.start)
        return f"{at}{start}:{end}"


def parse_range(text: str) -> Range:
    """Parse a range; raises UsageError, which quotes it, for an invalid one."""
    match = _RANGE.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise UsageError(
            f"range {text!r}: expected END, START:, ~:END, START:END or @START:END, such as 100, "
            "10:, ~:100, 10:20 or @10:20"
        )
    inside, start, end = match.groups()
    found = Range(
        start=-math.inf if start == "~" else float(start or 0),
        end=math.inf if end is None else float(end),
        inside=bool(inside),
    )
    if found.start > found.end:
        raise UsageError(f"range {text!r}: its start is above its end")
    return found


def _text(number: float) -> str:
    """The number without an exponent, which some readers of performance data refuse."""
    return f"{number:.9f}".rstrip("0").rstrip(".") if number % 1 else f"{number:.0f}"

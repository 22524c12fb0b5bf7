"""The states of a check, and a level with its state, by the Monitoring Plugins guidelines."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from operator import attrgetter

from ...aggregator.measures import Measure
from ...core.record import record
from .range import Range

__all__ = ["Level", "State", "worst_of"]


class State(IntEnum):
    """The guidelines' states; the value is the plugin's exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def severity(self) -> int:
        """The rank among states: a known problem goes before a level without a number."""
        return _BY_SEVERITY.index(self)


_BY_SEVERITY = (State.OK, State.UNKNOWN, State.WARNING, State.CRITICAL)


def worst_of(states: Iterable[State]) -> State:
    """Return the most severe state; OK without any."""
    return max(states, key=attrgetter("severity"), default=State.OK)


@record
class Level:
    """One number of a scan with its ranges."""

    measure: Measure
    warning: Range | None = None
    critical: Range | None = None

    @property
    def state(self) -> State:
        """The state of the number; UNKNOWN where there is a range and no number."""
        value = self.measure.value
        if value is None:
            has_range = self.warning is not None or self.critical is not None
            return State.UNKNOWN if has_range else State.OK
        if self.critical is not None and self.critical.alerts(value):
            return State.CRITICAL
        if self.warning is not None and self.warning.alerts(value):
            return State.WARNING
        return State.OK

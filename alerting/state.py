"""The states of a check and the levels that give them, by the Monitoring Plugins guidelines."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from ..aggregator.measures import Measure
from ..core.record import record
from .range import Range

__all__ = ["Level", "State", "worst_of"]


class State(IntEnum):
    """The guidelines' states; the value is the plugin's exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_SEVERITY = (State.OK, State.UNKNOWN, State.WARNING, State.CRITICAL)


def worst_of(states: Sequence[State]) -> State:
    """A problem that is known goes before a level that cannot be judged."""
    return max(states, key=_SEVERITY.index, default=State.OK)


@record
class Level:
    """One number of a scan beside the ranges it is held against."""

    measure: Measure
    warning: Range | None = None
    critical: Range | None = None

    @property
    def state(self) -> State:
        """UNKNOWN where there is a range and no number."""
        value = self.measure.value
        if value is None:
            judged = self.warning is not None or self.critical is not None
            return State.UNKNOWN if judged else State.OK
        if self.critical is not None and self.critical.alerts(value):
            return State.CRITICAL
        if self.warning is not None and self.warning.alerts(value):
            return State.WARNING
        return State.OK

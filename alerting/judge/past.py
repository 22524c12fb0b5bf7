"""What a scan is judged beside: earlier scans, and numbers that many scans give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...aggregator.host_numbers import Number

__all__ = ["NoPast", "Past"]


class Past(Protocol):
    """The scans before one."""

    def earlier_scans(self, now: FleetSummary, over: timedelta | None) -> Iterable[FleetSummary]:
        """The scans of the same selection whose age is nearest to ``over``, the nearest first.

        None: the scans before this one. Empty where none is of about that age. A scan is read when
        it is taken: most often only the first one is.
        """
        ...

    def stored_number(
        self, key: str, now: FleetSummary, over: timedelta | None
    ) -> Mapping[str, Number]:
        """A number of `measures.STORED_KEYS` by host; without the hosts that have none."""
        ...

    def last_readings(self, now: FleetSummary) -> Mapping[str, HostSummary]:
        """The last readings, of the day before, of hosts that this scan did not read."""
        ...


class NoPast:
    """A scan that is the first one."""

    def earlier_scans(self, now: FleetSummary, over: timedelta | None) -> Iterable[FleetSummary]:
        """None."""
        del now, over
        return ()

    def stored_number(
        self, key: str, now: FleetSummary, over: timedelta | None
    ) -> Mapping[str, Number]:
        """None of any host."""
        del key, now, over
        return {}

    def last_readings(self, now: FleetSummary) -> Mapping[str, HostSummary]:
        """None."""
        del now
        return {}

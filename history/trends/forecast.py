"""When a number that grows meets a limit."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.record import record
from .hourly import HOUR_S
from .rate import Rate

__all__ = ["Forecast", "Limit", "forecast_first"]


@record
class Limit:
    """A limit by name (``tcp_mem``, ``open files of php (123)``), in the unit of the number."""

    name: str
    value: float


@record
class Forecast:
    """Which limit is met first, and when (Unix seconds).

    ``earliest`` and ``latest`` follow from the range of the rate; ``latest`` is None if the rate
    may be 0. A limit that is met already is met now.
    """

    limit: Limit
    seen_at: float
    """The time of the last scan, from which the forecast starts."""
    at: float
    earliest: float
    latest: float | None


def forecast_first(
    level: float, rate: Rate, now: float, limits: Iterable[Limit]
) -> Forecast | None:
    """Return the forecast of the limit that ``level`` meets first; None if it does not grow."""
    lowest = min(limits, key=lambda limit: limit.value, default=None)
    if lowest is None or rate.per_hour <= 0:
        return None
    room = max(0.0, lowest.value - level) * HOUR_S
    return Forecast(
        limit=lowest,
        seen_at=now,
        at=now + room / rate.per_hour,
        earliest=now + room / max(rate.high, rate.per_hour),
        latest=now + room / rate.low if rate.low > 0 else None,
    )

"""A round: one sample or failure of every host, delivered as each is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ...core.record import record
from ..outcome import HostOutcome

__all__ = ["Deliver", "Round", "RunningRound", "Sample"]


@record
class Sample:
    """One host in one round."""

    round: int
    """From 1 on."""
    round_started_at: datetime
    sampled_at: datetime
    at_s: float
    """The same by the event loop's monotonic clock, in seconds, for differences."""
    outcome: HostOutcome


Deliver = Callable[[Sample], None]


@record
class Round:
    """A round that has ended."""

    number: int
    started_at: datetime
    duration_s: float
    complete: bool
    """False: it was cut off, by `FleetSampler.stop` or the deadline."""
    samples: tuple[Sample, ...]
    """One for each host, in the order in which they came."""


class RunningRound:
    """The round in progress; `finished` is done once every host of ``names`` has its outcome.

    An error of ``deliver`` fails `finished`.
    """

    def __init__(self, number: int, names: Iterable[str], deliver: Deliver) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.finished: asyncio.Future[None] = loop.create_future()
        self._started_at = datetime.now(UTC)
        self._began = loop.time()
        self._clock = loop.time
        self._missing = set(names)
        self._deliver = deliver
        self._samples: list[Sample] = []
        if not self._missing:
            self.finished.set_result(None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The hosts without an outcome."""
        return tuple(self._missing)

    def add(self, outcome: HostOutcome) -> None:
        """Deliver a host's outcome; ignore a second one in the round."""
        name = outcome.host.name
        if name not in self._missing:
            return
        self._missing.discard(name)
        sample = Sample(
            round=self.number,
            round_started_at=self._started_at,
            sampled_at=datetime.now(UTC),
            at_s=self._clock(),
            outcome=outcome,
        )
        self._samples.append(sample)
        try:
            self._deliver(sample)
        except BaseException as error:
            self._missing.clear()
            if not self.finished.done():
                self.finished.set_exception(error)
        if not self._missing and not self.finished.done():
            self.finished.set_result(None)

    def end(self, *, complete: bool) -> Round:
        """The round, ended now."""
        return Round(
            number=self.number,
            started_at=self._started_at,
            duration_s=self._clock() - self._began,
            complete=complete,
            samples=tuple(self._samples),
        )

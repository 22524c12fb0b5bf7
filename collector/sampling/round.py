"""A round: one sample or failure of every host, given on as each is known."""

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
    """The same by a clock that is never set, for differences."""
    outcome: HostOutcome


Deliver = Callable[[Sample], None]


@record
class Round:
    """A round that is over."""

    number: int
    started_at: datetime
    duration_s: float
    complete: bool
    """False for one that was cut off, by `WarmFleet.stop` or the deadline."""
    samples: tuple[Sample, ...]
    """One for each host, in the order in which they were known."""


class RunningRound:
    """The round that is under way; `over` is done once every host of ``names`` has given one.

    What ``deliver`` raises fails `over`.
    """

    def __init__(self, number: int, names: Iterable[str], deliver: Deliver) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.over: asyncio.Future[None] = loop.create_future()
        self._started_at = datetime.now(UTC)
        self._began = loop.time()
        self._clock = loop.time
        self._waiting = set(names)
        self._deliver = deliver
        self._samples: list[Sample] = []
        if not self._waiting:
            self.over.set_result(None)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The hosts that have given nothing yet."""
        return tuple(self._waiting)

    def give(self, outcome: HostOutcome) -> None:
        """A host's outcome; a second one in the round is passed over."""
        name = outcome.host.name
        if name not in self._waiting:
            return
        self._waiting.discard(name)
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
            self._waiting.clear()
            if not self.over.done():
                self.over.set_exception(error)
        if not self._waiting and not self.over.done():
            self.over.set_result(None)

    def ended(self, *, complete: bool) -> Round:
        """The round as it was."""
        return Round(
            number=self.number,
            started_at=self._started_at,
            duration_s=self._clock() - self._began,
            complete=complete,
            samples=tuple(self._samples),
        )

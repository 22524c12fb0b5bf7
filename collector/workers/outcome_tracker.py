"""Which hosts have their outcome, and how many workers died with each of the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ...inventory.models import Host
from ..errors import Category
from ..outcome import HostOutcome, not_contacted

__all__ = ["OutcomeTracker"]

ATTEMPTS = 2
"""Workers that may die with a host before the host is given up: it may be what kills them."""


class OutcomeTracker:
    """Delivers one outcome for each of ``hosts``; they are named by their indexes."""

    def __init__(self, hosts: Sequence[Host], deliver: Callable[[HostOutcome], None]) -> None:
        self._hosts = hosts
        self._deliver = deliver
        self._done = bytearray(len(hosts))
        self._deaths = Counter[int]()
        self._began = time.monotonic()

    def deliver(self, index: int, outcome: HostOutcome) -> None:
        """Deliver the host's outcome; ignore a second one. Raises what the receiver raises."""
        if not self._done[index]:
            self._done[index] = 1
            self._deliver(outcome)

    def fail(self, index: int, category: Category, message: str) -> None:
        """Deliver a failure of a host whose worker sent no outcome."""
        failure = not_contacted(self._hosts[index], category, message)
        attempts = self._deaths[index]
        if attempts:
            elapsed_s = time.monotonic() - self._began
            failure = replace(failure, attempts=attempts, elapsed_s=elapsed_s)
        self.deliver(index, failure)

    def give_up(self, indexes: Iterable[int] | None, why: str) -> None:
        """Fail those of the hosts that have no outcome, with advice; None: of all hosts."""
        advice = "see whether memory ran out (dmesg), lower --concurrency, or use --workers 1"
        for index in self.without_outcome(indexes):
            self.fail(index, Category.LOCAL_RESOURCE, f"{why}: {advice}")

    def count_deaths(self, indexes: Iterable[int], how: str) -> None:
        """Count that a worker died with these hosts; give up those with which too many died."""
        for index in indexes:
            self._deaths[index] += 1
            if self._deaths[index] >= ATTEMPTS:
                self.give_up(
                    [index], f"the worker process that contacted it {how}, as one had before"
                )

    def without_outcome(self, indexes: Iterable[int] | None = None) -> list[int]:
        """Those of the hosts that have no outcome yet, in order; None: of all hosts."""
        chosen = range(len(self._hosts)) if indexes is None else indexes
        return sorted(index for index in chosen if not self._done[index])

"""The samples of one round that are under way together, under one time limit.

Futures with callbacks and one timer: a task and a timer for each host would cost as much as the
sample itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .host_sampler import HostSampler
from .host_state import HostState

__all__ = ["PendingSamples"]


class PendingSamples:
    """Begins empty; `limit` is called once all are added."""

    def __init__(self) -> None:
        self._answers: dict[asyncio.Future[bytes], tuple[HostState, HostSampler]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(
        self, place: HostState, warm: HostSampler, answered: Callable[[asyncio.Future[bytes]], None]
    ) -> None:
        """Ask this host; ``answered`` is called with the answer, or when it was cancelled."""
        answer = warm.ask()
        self._answers[answer] = place, warm

        def done(answer: asyncio.Future[bytes]) -> None:
            del self._answers[answer]
            if not self._answers and self._timer is not None:
                self._timer.cancel()
            answered(answer)

        answer.add_done_callback(done)

    def limit(self, seconds: float, late: Callable[[HostState, HostSampler], None]) -> None:
        """Cancel what is not there by then, and call ``late`` for each."""
        if self._answers:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._pass, late)

    def _pass(self, late: Callable[[HostState, HostSampler], None]) -> None:
        for answer, (place, warm) in list(self._answers.items()):
            answer.cancel()
            late(place, warm)

"""The requested samples of one round, with one time limit.

They are futures with callbacks and one timer: a task and a timer for each host would cost as much
as the sample itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .host_sampler import HostSampler
from .host_state import HostState

__all__ = ["PendingSamples"]


class PendingSamples:
    """Begins empty; call `limit` once all samples are added."""

    def __init__(self) -> None:
        self._answers: dict[asyncio.Future[bytes], tuple[HostState, HostSampler]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(
        self,
        state: HostState,
        sampler: HostSampler,
        on_answer: Callable[[asyncio.Future[bytes]], None],
    ) -> None:
        """Request a sample; ``on_answer`` gets the future once it is done or cancelled."""
        answer = sampler.request_sample()
        self._answers[answer] = state, sampler

        def done(answer: asyncio.Future[bytes]) -> None:
            del self._answers[answer]
            if not self._answers and self._timer is not None:
                self._timer.cancel()
            on_answer(answer)

        answer.add_done_callback(done)

    def limit(self, seconds: float, on_timeout: Callable[[HostState, HostSampler], None]) -> None:
        """After ``seconds``, cancel each sample without an answer and call ``on_timeout``."""
        if self._answers:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out, on_timeout)

    def _time_out(self, on_timeout: Callable[[HostState, HostSampler], None]) -> None:
        for answer, (state, sampler) in list(self._answers.items()):
            answer.cancel()
            on_timeout(state, sampler)

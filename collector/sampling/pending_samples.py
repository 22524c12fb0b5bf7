"""The requested samples of one round, with one time limit.

Each answer is handled within the callback that receives it, and one timer serves all: a task and a
timer for each host would cost as much as the sample itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import HostError
from .host_sampler import HostSampler
from .host_state import HostState

__all__ = ["PendingSamples"]


class PendingSamples:
    """Begins empty; call `limit` once all samples are added.

    ``on_answer`` gets the complete answer of a host, ``on_error`` why there is none. Neither is
    called after the time limit.
    """

    def __init__(
        self,
        on_answer: Callable[[HostState, HostSampler, bytes], None],
        on_error: Callable[[HostState, HostSampler, HostError], None],
    ) -> None:
        self.on_answer = on_answer
        self.on_error = on_error
        self.waiting: set[_PendingSample] = set()
        """The samples without an answer."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, state: HostState, sampler: HostSampler) -> None:
        """Request a sample."""
        pending = _PendingSample(self, state, sampler)
        self.waiting.add(pending)
        sampler.request_sample(pending)

    def limit(self, seconds: float, on_timeout: Callable[[HostState, HostSampler], None]) -> None:
        """After ``seconds``, call ``on_timeout`` for each sample without an answer."""
        if self.waiting:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out, on_timeout)

    def stop_timer(self) -> None:
        """No sample is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _time_out(self, on_timeout: Callable[[HostState, HostSampler], None]) -> None:
        waiting, self.waiting = self.waiting, set()
        for pending in waiting:
            on_timeout(pending.state, pending.sampler)


class _PendingSample:
    """The `Answer` of one host."""

    __slots__ = ("_samples", "sampler", "state")

    def __init__(self, samples: PendingSamples, state: HostState, sampler: HostSampler) -> None:
        self._samples = samples
        self.state = state
        self.sampler = sampler

    def done(self) -> bool:
        return self not in self._samples.waiting

    def set_result(self, data: bytes, /) -> None:
        samples = self._samples
        samples.waiting.discard(self)
        if not samples.waiting:
            samples.stop_timer()
        samples.on_answer(self.state, self.sampler, data)

    def set_exception(self, error: HostError, /) -> None:
        samples = self._samples
        samples.waiting.discard(self)
        if not samples.waiting:
            samples.stop_timer()
        # In the next iteration: whether the whole connection is lost is known by then.
        loop = asyncio.get_running_loop()
        loop.call_soon(samples.on_error, self.state, self.sampler, error)

"""A fleet that is sampled in rounds over connections that stay open.

One engine (`collector.engine`) runs all the time, with all its limits. It connects to hosts, for
the first time and after a loss, and it runs the probe on hosts whose connections are not kept. A
sample over an open connection (`sampling.open_connections`) does not involve it.

Rounds begin at a fixed interval; one that would begin late is skipped. A round ends when every host
has a sample or a failure, at the latest when the next round is due; only the first one waits as
long as a scan does. A later sample of a slow host belongs to the round in progress by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import Any, Self

from ...inventory.models import Host
from ..engine import Engine, EngineSettings
from ..errors import Category, HostError, Phase
from ..outcome import HostFailure, HostOutcome, HostReading
from ..pacing.host_feed import HostFeed
from ..probe.full_probe import FullProbe
from ..probe.script import new_marker
from ..transport import Transport
from .host_sampler import HostSampler
from .host_state import HostState
from .interval_timer import IntervalTimer
from .keeping_transport import KeepingTransport
from .methods import SamplingMethod, sampling_plan
from .open_connections import OpenConnections
from .round import Deliver, Round, RunningRound, Sample
from .settings import KEPT_BY, SamplingSettings, kept_hosts

__all__ = ["FleetSampler", "SamplingSettings"]

KEEPALIVE_S = 15.0


class FleetSampler:
    """An asynchronous context manager that holds the connections; `rounds` samples the fleet.

    ``transports`` replaces registered transports by name (tests do that). Belongs to one event
    loop.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        settings: EngineSettings,
        sampling: SamplingSettings,
        *,
        transports: dict[str, Transport] | None = None,
    ) -> None:
        self._states = {host.name: HostState(host) for host in hosts}
        self._settings = settings
        self._interval_s = sampling.interval_s
        every = [state.host for state in self._states.values()]
        self.kept = set(kept_hosts(every, settings, sampling.most_kept))
        """The names of the hosts whose connections stay open, as far as is known."""
        self._transport = KeepingTransport(
            settings.transport_settings,
            self.kept.__contains__,
            # Frequent samples show that a connection is alive.
            keepalive_s=KEEPALIVE_S if sampling.interval_s > KEEPALIVE_S else 0,
        )
        mark = new_marker()
        probe = FullProbe(settings.probe, settings.become, mark=mark)
        self._plan = sampling_plan(probe, settings.probe, mark, as_root=settings.become is not None)
        self._engine = Engine(settings, transports={KEPT_BY: self._transport, **(transports or {})})
        self._feed = HostFeed(_ignore_start)
        self._engine_run: asyncio.Task[None] | None = None
        self._connections = OpenConnections(
            self._states.values(),
            self.kept,
            finish=self._finish,
            reconnect=lambda state: self._feed.add([state.host]),
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
        )
        self._round: RunningRound | None = None
        self._is_last_round = False
        self._stopped = asyncio.Event()
        self._stop_reason = ""
        self._deadline_passed = False
        self._deadline: asyncio.TimerHandle | None = None
        self._is_closing = False

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return len(self.methods())

    def methods(self) -> dict[str, SamplingMethod]:
        """The current method of each connected host, by its name."""
        return {
            name: state.sampler.method
            for name, state in self._states.items()
            if state.sampler is not None
        }

    @property
    def complete(self) -> bool:
        """False once it was stopped, by its deadline or by `stop`."""
        return not self._stop_reason

    @property
    def notes(self) -> list[str]:
        """As `Engine.notes`; complete once the context has ended."""
        return self._engine.notes

    def stop(self, why: str) -> None:
        """Cut off the round in progress, the last one. ``why`` as for `Engine.stop`."""
        self._stop_reason = self._stop_reason or why
        self._engine.stop(why)
        self._connections.stop()
        self._stopped.set()

    async def __aenter__(self) -> Self:
        """Start the engine; no host is contacted before `rounds`."""
        loop = asyncio.get_running_loop()
        self._engine_run = loop.create_task(self._engine.run(self._feed, self._handle_outcome))
        if self._settings.deadline_s is not None:
            self._deadline = loop.call_later(self._settings.deadline_s, self._pass_deadline)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close all connections and end the engine."""
        self._round, self._is_closing = None, True
        if self._deadline is not None:
            self._deadline.cancel()
        await self._connections.close()
        self._feed.close()
        self._engine.stop("the end of the run")
        if self._engine_run is not None:
            with suppress(Exception):  # `rounds` has raised it
                await self._engine_run
        await self._connections.wait_for_tasks()

    async def rounds(
        self, count: int | None = None, deliver: Deliver | None = None
    ) -> AsyncGenerator[Round, None]:
        """Sample every host ``count`` times (None: until stopped); yield each round as it ends.

        ``deliver`` gets each sample at once. The time that the caller spends on a round may delay
        the next one, which then begins at the next multiple of the interval. Raises what
        ``deliver`` raises, and UsageError for an unknown transport.
        """
        timer = IntervalTimer(self._interval_s)
        number = 0
        while (count is None or number < count) and not self._stopped.is_set():
            number += 1
            if number > 1:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timer.wait_s()):
                        await self._stopped.wait()
                if self._stopped.is_set():
                    return
            self._is_last_round = number == count
            limit_s = timer.left_s() if number > 1 else None
            yield await self._run_round(number, deliver or _ignore_sample, limit_s)

    async def _run_round(self, number: int, deliver: Deliver, limit_s: float | None) -> Round:
        running = self._round = RunningRound(number, self._states, deliver)
        self._request_samples()
        stopped = asyncio.ensure_future(self._stopped.wait())
        ends: set[asyncio.Future[Any]] = {running.finished, stopped}
        if self._engine_run is not None:
            ends.add(self._engine_run)
        try:
            await asyncio.wait(ends, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if self._engine_run is not None and self._engine_run.done() and not self._stop_reason:
                self._engine_run.result()
            for name in running.missing:
                running.add(self._make_missing_failure(self._states[name]))
            running.finished.result()
        finally:
            stopped.cancel()
            self._round = None
        return running.end(complete=not self._stop_reason)

    def _make_missing_failure(self, state: HostState) -> HostFailure:
        if not self._stop_reason:
            return state.make_waiting_failure()
        category = Category.DEADLINE if self._deadline_passed else Category.NOT_ATTEMPTED
        error = HostError(category, Phase.COMMAND, f"cut off by {self._stop_reason}")
        return state.make_failure(error)

    def _request_samples(self) -> None:
        """Request a sample of each host that has none in progress and need not wait."""
        now = asyncio.get_running_loop().time()
        connected: list[HostState] = []
        unconnected: list[Host] = []
        for state in self._states.values():
            if state.waiting_since is not None:
                continue
            if state.sampler is not None:
                connected.append(state)
            elif (failure := state.make_backoff_failure(now)) is not None:
                self._add_to_round(failure)
                continue
            else:
                unconnected.append(state.host)
            state.waiting_since = now
        self._connections.request(connected)
        if unconnected and not self._stop_reason:
            self._feed.add(unconnected)

    def _handle_outcome(self, outcome: HostOutcome) -> None:
        """Take over a host's outcome and its connection from the engine."""
        state = self._states[outcome.host.name]
        connection = self._transport.take(outcome.host.name)
        if connection is not None:
            if isinstance(outcome, HostReading) and not self._is_closing:
                state.sampler = HostSampler(connection, outcome, self._plan)
            else:
                self._connections.close_unused(connection.close())
        self._finish(state, outcome)
        if state.sampler is not None and state.sampler.needs_session and not self._is_last_round:
            # Now rather than in the next round, which would open all sessions at once.
            state.waiting_since = asyncio.get_running_loop().time()
            self._connections.open_session(state)

    def _finish(self, state: HostState, outcome: HostOutcome) -> None:
        """End a host's request: record its outcome for the backoff and for the round."""
        state.waiting_since = None
        if isinstance(outcome, HostReading):
            state.backoff.record_success()
        else:
            state.backoff.record_failure(outcome, asyncio.get_running_loop().time())
        self._add_to_round(outcome)

    def _add_to_round(self, outcome: HostOutcome) -> None:
        if self._round is not None:
            self._round.add(outcome)

    def _pass_deadline(self) -> None:
        # The engine has the same deadline, and ends its hosts with a message of its own.
        self._deadline_passed = True
        self._stop_reason = f"the run's deadline of {self._settings.deadline_s:g} s"
        self._connections.stop()
        self._stopped.set()


def _ignore_sample(_sample: Sample) -> None:
    """For a caller without ``deliver``."""


def _ignore_start(_host: Host) -> None:
    """For a feed whose hosts are known by their outcomes only."""

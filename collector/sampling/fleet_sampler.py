"""A fleet that is sampled again and again over connections that stay open.

One engine (`collector.engine`) runs all the while: it connects to hosts for the first time and
after a connection was lost, with all its limits, and it asks those whose connections are not kept.
A sample over a kept connection needs none of that and goes past it.

Rounds begin at a fixed interval; one that would begin late is left out. A round ends when every
host has given a sample or a failure, at the latest when the next is due; only the first waits for
as long as a scan does. What a slow host gives later belongs to the round that is then under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Self

from ...core.text import clean
from ...inventory.models import Host
from ..engine import Engine, EngineSettings
from ..errors import Category, HostError, Phase
from ..outcome import HostFailure, HostOutcome, HostReading
from ..pacing.host_feed import HostFeed
from ..probe.full import FullProbe
from ..probe.script import new_marker
from ..transport import Transport
from .host_sampler import HostSampler, StaleError
from .host_state import HostState
from .interval_timer import IntervalTimer
from .keeping_transport import KeepingTransport
from .methods import SamplingMethod, sampling_plan
from .pending_samples import PendingSamples
from .round import Deliver, Round, RunningRound, Sample
from .settings import KEPT_BY, SamplingSettings, kept_hosts

__all__ = ["FleetSampler", "SamplingSettings"]

log = logging.getLogger("sockfleet.collector")

KEEPALIVE_S = 15.0
_LOST_UNUSED = 2
_GRACE_S = 1.0


class FleetSampler:
    """The fleet and its connections: an asynchronous context manager; `rounds` samples it.

    ``transports`` replaces registered transports by name (tests do that). Belongs to one event
    loop.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        settings: EngineSettings,
        warm: SamplingSettings,
        *,
        transports: dict[str, Transport] | None = None,
    ) -> None:
        self._places = {host.name: HostState(host) for host in hosts}
        self._settings = settings
        self._interval_s = warm.interval_s
        every = [place.host for place in self._places.values()]
        self.kept = set(kept_hosts(every, settings, warm.most_kept))
        """The names of the hosts whose connections stay open, as far as is known."""
        self._transport = KeepingTransport(
            settings.transport_settings,
            self.kept.__contains__,
            # Samples that come often are a sign of life themselves.
            keepalive_s=KEEPALIVE_S if warm.interval_s > KEEPALIVE_S else 0,
        )
        mark = new_marker()
        probe = FullProbe(settings.probe, settings.become, mark=mark)
        self._plan = sampling_plan(probe, settings.probe, mark, as_root=settings.become is not None)
        self._engine = Engine(settings, transports={KEPT_BY: self._transport, **(transports or {})})
        self._feed = HostFeed(_begun)
        self._asking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._round: RunningRound | None = None
        self._stopped = asyncio.Event()
        self._why_stopped = ""
        self._deadline_passed = False
        self._deadline: asyncio.TimerHandle | None = None
        self._is_over = False
        self._goes_on = True
        self._renewing = asyncio.Semaphore(max(settings.concurrency, 1))
        """As many hosts at once as the engine asks: what they take is alike."""

    @property
    def connected(self) -> int:
        """How many connections are open right now."""
        return sum(place.warm is not None for place in self._places.values())

    def ways(self) -> dict[str, SamplingMethod]:
        """By what each host that is connected is sampled, by its name."""
        return {
            name: place.warm.way for name, place in self._places.items() if place.warm is not None
        }

    @property
    def complete(self) -> bool:
        """False once it was stopped, by its deadline or from outside."""
        return not self._why_stopped

    @property
    def notes(self) -> list[str]:
        """As `Engine.notes`; complete once the fleet is left."""
        return self._engine.notes

    def stop(self, why: str) -> None:
        """End now: the round under way is cut off and the last. ``why`` as for `Engine.stop`."""
        self._why_stopped = self._why_stopped or why
        self._engine.stop(why)
        self._stopped.set()

    async def __aenter__(self) -> Self:
        """Begin; no host is contacted before `rounds`."""
        loop = asyncio.get_running_loop()
        self._asking = loop.create_task(self._engine.run(self._feed, self._answered))
        if self._settings.deadline_s is not None:
            self._deadline = loop.call_later(self._settings.deadline_s, self._pass_deadline)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close all connections, and end whatever is under way with them."""
        self._round, self._is_over = None, True
        if self._deadline is not None:
            self._deadline.cancel()
        for task in self._tasks:
            task.cancel()
        await self._settled()
        open_ones = [place.warm for place in self._places.values() if place.warm is not None]
        for place in self._places.values():
            place.warm = None
        await asyncio.gather(*(each.close() for each in open_ones), return_exceptions=True)
        self._feed.close()
        self._engine.stop("the end of the run")
        if self._asking is not None:
            with suppress(Exception):  # raised by `rounds`
                await self._asking
        await self._settled()

    async def _settled(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)

    async def rounds(
        self, count: int | None = None, deliver: Deliver | None = None
    ) -> AsyncGenerator[Round, None]:
        """Sample every host ``count`` times, None: until stopped, and give each round as it ends.

        ``deliver`` is told each sample as it is known. Whoever takes long with a round delays the
        next, which then begins at its next due time. Raises what ``deliver`` raises, and
        UsageError for an unknown transport.
        """
        beat = IntervalTimer(self._interval_s)
        number = 0
        while (count is None or number < count) and not self._stopped.is_set():
            number += 1
            if number > 1:
                with suppress(TimeoutError):
                    async with asyncio.timeout(beat.wait_s()):
                        await self._stopped.wait()
                if self._stopped.is_set():
                    return
            self._goes_on = number != count
            closing_s = beat.left_s() if number > 1 else None
            yield await self._sampled(number, deliver or _untold, closing_s)

    async def _sampled(self, number: int, deliver: Deliver, closing_s: float | None) -> Round:
        running = self._round = RunningRound(number, self._places, deliver)
        self._ask_all()
        stopped = asyncio.ensure_future(self._stopped.wait())
        ends: set[asyncio.Future[Any]] = {running.over, stopped}
        if self._asking is not None:
            ends.add(self._asking)
        try:
            await asyncio.wait(ends, timeout=closing_s, return_when=asyncio.FIRST_COMPLETED)
            if self._asking is not None and self._asking.done() and not self._why_stopped:
                self._asking.result()
            for name in running.waiting:
                running.give(self._without_sample(self._places[name]))
            running.over.result()
        finally:
            stopped.cancel()
            self._round = None
        return running.ended(complete=not self._why_stopped)

    def _without_sample(self, place: HostState) -> HostFailure:
        if not self._why_stopped:
            return place.still_waiting()
        category = Category.DEADLINE if self._deadline_passed else Category.NOT_ATTEMPTED
        return place.failure(HostError(category, Phase.COMMAND, f"cut off by {self._why_stopped}"))

    def _ask_all(self) -> None:
        """Ask each host that is not being asked already, by the way that is open."""
        now = asyncio.get_running_loop().time()
        quick = PendingSamples()
        anew: list[Host] = []
        for place in self._places.values():
            warm = place.warm
            if place.asked_at is not None:
                continue
            if warm is None:
                failure = place.not_yet(now)
                if failure is not None:
                    self._give(failure)
                    continue
                anew.append(place.host)
            elif warm.is_quick(now):
                quick.add(place, warm, partial(self._sample_came, place, warm))
            else:
                self._spawn(self._renew(place, warm))
            place.asked_at = now
        quick.limit(self._settings.timeout_s, self._sample_is_late)
        if anew and not self._why_stopped:
            self._feed.add(anew)

    # Over a connection that is open.

    def _sample_came(
        self, place: HostState, warm: HostSampler, answer: asyncio.Future[bytes]
    ) -> None:
        if place.warm is not warm or answer.cancelled():
            return  # it was given up
        try:
            reading = warm.answered(answer.result(), asked_at=place.asked_at)
        except StaleError:
            self._spawn(self._renew(place, warm))
        except HostError as error:
            # A session may end alone: somebody on that host has stopped its shell.
            ended = error.category in (Category.LOST, Category.TRUNCATED) and warm.is_up
            self._spawn(self._renew(place, warm) if ended else self._give_up(place, warm, error))
        else:
            self._settle(place, reading)

    def _sample_is_late(self, place: HostState, warm: HostSampler) -> None:
        if place.warm is warm:
            self._spawn(self._drop_late(place, warm))

    async def _drop_late(self, place: HostState, warm: HostSampler) -> None:
        failure = place.no_answer(self._settings.timeout_s)
        await self._drop(place, warm)
        self._settle(place, failure)

    async def _renew(self, place: HostState, warm: HostSampler) -> None:
        """A sample that takes longer."""
        try:
            async with self._renewing, asyncio.timeout(self._settings.timeout_s):
                reading = await warm.renew()
        except TimeoutError:
            await self._drop_late(place, warm)
        except HostError as error:
            await self._give_up(place, warm, error)
        except Exception as error:
            # What is not known must not leave a host without an outcome.
            log.debug("unexpected error at %s", place.host.name, exc_info=True)
            text = clean(f"unexpected {type(error).__name__}: {error}")
            await self._give_up(place, warm, HostError(Category.PROTOCOL, Phase.COMMAND, text))
        else:
            self._settle(place, reading)

    async def _give_up(self, place: HostState, warm: HostSampler, error: HostError) -> None:
        """After a sample that failed: a connection that was lost is made anew at once."""
        error = await warm.reason(error)
        failure, was_lost = place.failure(error), not warm.is_up
        await self._drop(place, warm)
        if was_lost and not self._is_over and not self._why_stopped:
            log.info("%s: %s; connecting again", place.host.name, error)
            self._heed_loss(place, warm)
            self._feed.add([place.host])
        else:
            self._settle(place, failure)

    def _heed_loss(self, place: HostState, warm: HostSampler) -> None:
        """Some servers end a connection with its first session: to keep those is a log-in each time
        that brings nothing, and another at once."""
        place.lost_unused = 0 if warm.was_sampled else place.lost_unused + 1
        if place.lost_unused >= _LOST_UNUSED:
            self.kept.discard(place.host.name)
            log.info("%s keeps no connection open: a new one in each round", place.host.name)

    async def _drop(self, place: HostState, warm: HostSampler) -> None:
        """Close the connection wholly: there is never a second one to a host."""
        if place.warm is warm:
            place.warm = None
        await warm.close()

    # From the engine.

    def _answered(self, outcome: HostOutcome) -> None:
        place = self._places[outcome.host.name]
        kept = self._transport.taken(outcome.host.name)
        if kept is not None and isinstance(outcome, HostReading) and not self._is_over:
            place.warm = HostSampler(kept, outcome, self._plan)
        elif kept is not None:
            self._spawn(kept.close())
        self._settle(place, outcome)
        if place.warm is not None and place.warm.opens_session and self._goes_on:
            # In the time before the next round, and not of all hosts at once in it.
            place.asked_at = asyncio.get_running_loop().time()
            self._spawn(self._renew(place, place.warm))

    # To the round.

    def _settle(self, place: HostState, outcome: HostOutcome) -> None:
        """A host is no longer asked; its outcome goes to the round that waits for it."""
        place.asked_at = None
        if isinstance(outcome, HostReading):
            place.backoff.succeeded()
        else:
            place.backoff.failed(outcome, asyncio.get_running_loop().time())
        self._give(outcome)

    def _give(self, outcome: HostOutcome) -> None:
        if self._round is not None:
            self._round.give(outcome)

    def _pass_deadline(self) -> None:
        # The engine has its own clock for it, and other words.
        self._deadline_passed = True
        self._why_stopped = f"the run's deadline of {self._settings.deadline_s:g} s"
        self._stopped.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _untold(_sample: Sample) -> None:
    """Where nobody wants to be told."""


def _begun(_host: Host) -> None:
    """The engine has begun with a host; its outcome will tell."""

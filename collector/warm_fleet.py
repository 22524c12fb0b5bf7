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
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from ..inventory.models import Connection, Host
from .engine import Engine, EngineSettings
from .errors import Category, HostError, Phase
from .full_probe import FullProbe
from .host_feed import HostFeed
from .probe import new_mark
from .reading import HostFailure, HostOutcome, HostReading
from .schedule import caps_of
from .transport import Transport
from .warm_backoff import Backoff
from .warm_host import StaleError, WarmHost, warm_plan
from .warm_transport import KeepingTransport

__all__ = ["MEMORY_PER_CONNECTION", "Round", "Sample", "WarmFleet", "WarmSettings", "kept_hosts"]

log = logging.getLogger("sockfleet.collector")

MEMORY_PER_CONNECTION = 30 * 1024
"""Bytes of an open connection and its session, at most (bench/warm.py measures it)."""

_KEPT_BY = "asyncssh"
_KEEPALIVE_S = 15.0
_SHORTEST_ROUND_S = 1.0
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmSettings:
    """How a fleet is sampled, beside what holds for a single scan."""

    interval_s: float
    """From the beginning of a round to that of the next; 0: at once."""
    most_kept: int = 256 * 1024 * 1024 // MEMORY_PER_CONNECTION
    """Connections that stay open; the hosts beyond are asked over a new one in each round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One host in one round."""

    round: int
    """From 1 on."""
    sampled_at: datetime
    at_s: float
    """The same by a clock that is never set, for differences."""
    outcome: HostOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round that is over."""

    number: int
    started_at: datetime
    duration_s: float
    complete: bool
    """False for one that was cut off by `WarmFleet.stop` or the deadline."""
    samples: tuple[Sample, ...]
    """One for each host."""


def kept_hosts(hosts: Collection[Host], settings: EngineSettings, most: int) -> frozenset[str]:
    """The names of the hosts whose connections stay open, ``most`` at most.

    Those that asyncssh connects to, unless they share a limit on connections (a group's, or a
    bastion's) with more hosts than it allows at once: these take turns, as in a scan.
    """
    bastion = settings.transport_settings.bastion_connections
    members: dict[str, int] = {}
    for host in hosts:
        for name, _ in caps_of(host, bastion):
            members[name] = members.get(name, 0) + 1
    may_stay = [
        host.name
        for host in hosts
        if host.connection is not Connection.LOCAL
        and (host.transport or settings.transport) == _KEPT_BY
        and all(members[name] <= allowed for name, allowed in caps_of(host, bastion))
    ]
    return frozenset(may_stay[:most])


@dataclass(slots=True, eq=False)
class _Place:
    """A host of the fleet and how it stands."""

    host: Host
    warm: WarmHost | None = None
    asked_at: float | None = None
    """Since when an answer is waited for, from the engine or a sample; None: it is not."""
    backoff: Backoff = field(default_factory=Backoff)


class _Asked:
    """The quick samples of one round that are under way, under one time limit."""

    def __init__(self) -> None:
        self._answers: dict[asyncio.Future[bytes], tuple[_Place, WarmHost]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(
        self, place: _Place, warm: WarmHost, answered: Callable[[asyncio.Future[bytes]], None]
    ) -> None:
        """Ask this host."""
        answer = warm.ask()
        self._answers[answer] = place, warm
        answer.add_done_callback(self._done)
        answer.add_done_callback(answered)

    def limit(self, seconds: float, late: Callable[[_Place, WarmHost], None]) -> None:
        """Cancel what is not there by then, and call ``late`` for each."""
        if self._answers:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._pass, late)

    def _done(self, answer: asyncio.Future[bytes]) -> None:
        del self._answers[answer]
        if not self._answers and self._timer is not None:
            self._timer.cancel()

    def _pass(self, late: Callable[[_Place, WarmHost], None]) -> None:
        for answer, (place, warm) in list(self._answers.items()):
            answer.cancel()
            late(place, warm)


@dataclass(slots=True, eq=False)
class _Running:
    """The round that is under way."""

    number: int
    started_at: datetime
    began: float
    waiting: set[str]
    done: asyncio.Event
    samples: list[Sample] = field(default_factory=list)


class WarmFleet:
    """The fleet and its connections: an asynchronous context manager; `rounds` samples it.

    ``transports`` replaces registered transports by name (tests do that). Belongs to one event
    loop. Raises UsageError for an unknown transport.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        settings: EngineSettings,
        warm: WarmSettings,
        *,
        transports: dict[str, Transport] | None = None,
    ) -> None:
        self._places = {host.name: _Place(host) for host in hosts}
        self._settings = settings
        self._warm = warm
        self._kept = kept_hosts(
            [place.host for place in self._places.values()], settings, warm.most_kept
        )
        self._transport = KeepingTransport(
            settings.transport_settings,
            self._kept.__contains__,
            # Samples that come often are their own sign of life.
            keepalive_s=_KEEPALIVE_S if warm.interval_s > _KEEPALIVE_S else None,
        )
        mark = new_mark()
        probe = FullProbe(settings.probe, settings.become, mark=mark)
        self._plan = warm_plan(probe, settings.probe, mark, as_root=settings.become is not None)
        self._feed = HostFeed(_taken)
        self._engine = Engine(
            settings, transports={_KEPT_BY: self._transport, **(transports or {})}
        )
        self._asking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._round: _Running | None = None
        self._deliver: Callable[[Sample], None] = _nothing
        self._stopped = asyncio.Event()
        self._why_stopped = ""
        self._deadline_passed = False
        self._deadline: asyncio.TimerHandle | None = None
        self._error: BaseException | None = None
        self._is_over = False

    @property
    def kept(self) -> frozenset[str]:
        """The names of the hosts whose connections stay open."""
        return self._kept

    @property
    def connected(self) -> int:
        """How many connections are open right now."""
        return sum(place.warm is not None for place in self._places.values())

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
        if self._round is not None:
            self._round.done.set()

    async def __aenter__(self) -> Self:
        """Begin; no host is contacted before `rounds`."""
        loop = asyncio.get_running_loop()
        self._asking = loop.create_task(self._engine.run(self._feed, self._answered))
        self._asking.add_done_callback(self._asking_ended)
        if self._settings.deadline_s is not None:
            self._deadline = loop.call_later(self._settings.deadline_s, self._pass_deadline)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close all connections, and end whatever is under way with them."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._round, self._is_over = None, True
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
            with suppress(Exception):  # `rounds` has raised it
                await self._asking
        await self._settled()

    async def _settled(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)

    async def rounds(
        self, count: int | None = None, deliver: Callable[[Sample], None] | None = None
    ) -> AsyncIterator[Round]:
        """Sample every host ``count`` times, None: until stopped, and give each round as it ends.

        ``deliver`` is told each sample as it is known. Whoever takes long with a round delays the
        next, which then begins at its next due time. Raises what ``deliver`` raises.
        """
        loop = asyncio.get_running_loop()
        first = loop.time()
        number = 0
        while (count is None or number < count) and not self._why_stopped:
            number += 1
            if number > 1 and not await self._due(first):
                return
            closing_s = None if number == 1 else max(self._warm.interval_s, _SHORTEST_ROUND_S)
            yield await self._sampled(number, closing_s, deliver or _nothing)

    async def _due(self, first: float) -> bool:
        """Wait for the next due time; False where the run was stopped before."""
        interval_s = self._warm.interval_s
        if interval_s:
            passed_s = asyncio.get_running_loop().time() - first
            wait_s = interval_s - passed_s % interval_s
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stopped.wait()
        return not self._why_stopped

    async def _sampled(
        self, number: int, closing_s: float | None, deliver: Callable[[Sample], None]
    ) -> Round:
        loop = asyncio.get_running_loop()
        running = self._round = _Running(
            number, datetime.now(UTC), loop.time(), set(self._places), asyncio.Event()
        )
        self._deliver = deliver
        if not self._places:
            running.done.set()
        self._ask_all()
        try:
            async with asyncio.timeout(closing_s):
                await running.done.wait()
        except TimeoutError:
            self._give_up(self._still_waiting)
        if self._why_stopped:
            self._give_up(self._cut_off)
        self._round = None
        if self._error is not None:
            raise self._error
        return Round(
            number=number,
            started_at=running.started_at,
            duration_s=loop.time() - running.began,
            complete=not self._why_stopped,
            samples=tuple(running.samples),
        )

    def _ask_all(self) -> None:
        """Ask each host that is not being asked already, by the way that is open."""
        now = asyncio.get_running_loop().time()
        asked = _Asked()
        others: list[Host] = []
        for place in self._places.values():
            if place.asked_at is not None:
                continue
            warm = place.warm
            if warm is None:
                last, wait_s = place.backoff.last, place.backoff.wait_s(now)
                if last is not None and wait_s > 0:
                    then = f"not tried again for {wait_s:.0f} s"
                    self._give(self._as_before(place, last, then))
                    continue
                others.append(place.host)
            elif warm.is_quick(now):
                asked.add(place, warm, partial(self._quick_answer, place, warm))
            else:
                self._spawn(self._renew(place, warm))
            place.asked_at = now
        asked.limit(self._settings.timeout_s, self._time_out)
        if others:
            self._feed.add(others)

    # A sample over a connection that is open.

    def _quick_answer(self, place: _Place, warm: WarmHost, answer: asyncio.Future[bytes]) -> None:
        if place.warm is not warm or answer.cancelled():
            return  # it was given up
        began = place.asked_at or 0.0
        try:
            elapsed_s = asyncio.get_running_loop().time() - began
            reading = warm.answered(answer.result(), elapsed_s=elapsed_s)
        except StaleError:
            self._spawn(self._renew(place, warm))
        except HostError as error:
            # A session may end alone: whoever looks after that host has stopped its shell.
            ended = error.category in (Category.LOST, Category.TRUNCATED) and warm.is_up
            again = self._renew(place, warm) if ended else self._recover(place, warm, error)
            self._spawn(again)
        else:
            self._settle(place, reading)

    async def _renew(self, place: _Place, warm: WarmHost) -> None:
        """A sample that takes longer."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reading = await warm.renew()
        except TimeoutError:
            await self._drop(place, warm)
            self._settle(place, self._failure(place, self._no_answer(place)))
        except HostError as error:
            await self._recover(place, warm, error)
        except Exception as error:
            log.debug("unexpected error at %s", place.host.name, exc_info=True)
            text = f"unexpected {type(error).__name__}: {error}"
            await self._drop(place, warm)
            wrong = HostError(Category.PROTOCOL, Phase.COMMAND, text)
            self._settle(place, self._failure(place, wrong))
        else:
            self._settle(place, reading)

    async def _recover(self, place: _Place, warm: WarmHost, error: HostError) -> None:
        """After a sample that failed: a lost connection is made anew, any other is dropped."""
        error = await warm.reason(error)
        lost = not warm.is_up
        await self._drop(place, warm)
        if lost and not self._why_stopped:
            log.info("%s: %s; connecting again", place.host.name, error)
            self._feed.add([place.host])
        else:
            self._settle(place, self._failure(place, error))

    def _time_out(self, place: _Place, warm: WarmHost) -> None:
        if place.warm is warm:
            self._spawn(self._give_up_connection(place, warm))

    async def _give_up_connection(self, place: _Place, warm: WarmHost) -> None:
        await self._drop(place, warm)
        self._settle(place, self._failure(place, self._no_answer(place)))

    async def _drop(self, place: _Place, warm: WarmHost) -> None:
        """Close the connection, all of it: there is never a second one to a host."""
        if place.warm is warm:
            place.warm = None
        await warm.close()

    # What the engine brings.

    def _answered(self, outcome: HostOutcome) -> None:
        place = self._places[outcome.host.name]
        kept = self._transport.taken(outcome.host.name)
        if kept is not None and isinstance(outcome, HostReading) and not self._is_over:
            place.warm = WarmHost(kept.connection, kept.close, outcome, self._plan)
        elif kept is not None:
            self._spawn(kept.close())
        self._settle(place, outcome)

    def _asking_ended(self, asking: asyncio.Task[None]) -> None:
        if not asking.cancelled() and (error := asking.exception()) is not None:
            self._fail(error)

    # What a host gives in a round.

    def _settle(self, place: _Place, outcome: HostOutcome) -> None:
        """A host is no longer asked; its outcome goes to the round that waits for it."""
        place.asked_at = None
        if isinstance(outcome, HostReading):
            place.backoff.succeeded()
        else:
            place.backoff.failed(outcome, asyncio.get_running_loop().time())
        self._give(outcome)

    def _give(self, outcome: HostOutcome) -> None:
        running = self._round
        if running is None or outcome.host.name not in running.waiting:
            return
        running.waiting.discard(outcome.host.name)
        sample = Sample(
            round=running.number,
            sampled_at=datetime.now(UTC),
            at_s=asyncio.get_running_loop().time(),
            outcome=outcome,
        )
        running.samples.append(sample)
        try:
            self._deliver(sample)
        except BaseException as error:
            self._fail(error)
        if not running.waiting:
            running.done.set()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._deliver = _nothing
        self.stop("an error")

    def _give_up(self, failure: Callable[[_Place], HostFailure]) -> None:
        running = self._round
        for name in list(() if running is None else running.waiting):
            self._give(failure(self._places[name]))

    def _failure(self, place: _Place, error: HostError, *, attempts: int = 1) -> HostFailure:
        now = asyncio.get_running_loop().time()
        return HostFailure(
            host=place.host,
            address=place.host.address,
            attempts=attempts,
            elapsed_s=0.0 if place.asked_at is None else now - place.asked_at,
            category=error.category,
            phase=error.phase,
            message=error.message,
        )

    def _no_answer(self, place: _Place) -> HostError:
        return HostError(
            Category.COMMAND_TIMEOUT,
            Phase.COMMAND,
            f"{place.host.address}:{place.host.port}: no sample in {self._settings.timeout_s:g} s "
            "over the connection that was open; it is given up",
        )

    def _as_before(self, place: _Place, last: HostFailure, then: str) -> HostFailure:
        """While it cannot be told otherwise, a host is as it was at the last attempt."""
        error = HostError(last.category, last.phase, f"{last.message}; {then}")
        return self._failure(place, error, attempts=0)

    def _still_waiting(self, place: _Place) -> HostFailure:
        if place.backoff.last is not None:
            return self._as_before(place, place.backoff.last, "being tried again")
        now = asyncio.get_running_loop().time()
        waited_s = now - (now if place.asked_at is None else place.asked_at)
        text = (
            f"{place.host.address}:{place.host.port}: no sample in {waited_s:.1f} s, still waiting"
        )
        return self._failure(place, HostError(Category.COMMAND_TIMEOUT, Phase.COMMAND, text))

    def _cut_off(self, place: _Place) -> HostFailure:
        category = Category.DEADLINE if self._deadline_passed else Category.NOT_ATTEMPTED
        text = f"cut off by {self._why_stopped}"
        return self._failure(place, HostError(category, Phase.COMMAND, text))

    def _pass_deadline(self) -> None:
        self._deadline_passed = True
        self.stop(f"the run's deadline of {self._settings.deadline_s:g} s")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _nothing(_sample: Sample) -> None:
    """Where nobody wants to be told."""


def _taken(_host: Host) -> None:
    """The engine has begun with a host; its outcome will tell."""

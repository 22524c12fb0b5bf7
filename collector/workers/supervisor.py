"""One scan by several processes: deals the hosts, hears their outcomes, and lets none be lost.

A worker may be killed at any moment, by the kernel for want of memory or by anybody. What it has
told counts; what it had taken and not told is asked once more by a fresh worker. A host whose
worker dies twice is a failure: it may be what kills them.
"""

from __future__ import annotations

import selectors
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import orjson

from ...core.errors import SockfleetError, UsageError
from ...inventory.models import Connection, Host
from ..engine import EngineSettings
from ..errors import Category
from ..outcome import HostOutcome, RunEnd, not_contacted
from ..outcome_codec import OutcomeError, decode_outcome
from ..pacing.partition import partition, share
from ..runtime.event_loop import rare_garbage_collection
from ..ssh.host_keys.policy import join_notes
from ..transport import Transport, load_transport
from .pipe_queue import PipeQueue
from .process import WorkerProcess, WorkerStartError, has_threads
from .worker import BEGAN, ENDED, FAILED, OUTCOME, TOOK, WorkerTask
from .worker_scan import BATCH_S

__all__ = ["WorkerSupervisor"]

TICK_S = 0.25
SILENT_S = 15.0
"""Beyond a host's own time: a worker that tells nothing for so long is stuck, or was stopped."""
STOPPING_S = 8.0
"""For the workers to tell what was cut off, once the run is stopped."""
ATTEMPTS = 2
"""Workers that may die with a host before the host is given up."""
MOST_DEATHS = 8
"""Workers that may die one after another without a single outcome between."""

_MADE_BEFORE_THE_FORK = frozenset({"asyncssh", "paramiko"})
"""Transports that hold no thread, event loop or descriptor before their first host."""


class _Worker:
    """A process while it lives, and what it has to do."""

    def __init__(self, seat: int, process: WorkerProcess, own: Iterable[int]) -> None:
        self.seat = seat
        """Which part of the limits it has; a fresh worker takes the seat of the one that died."""
        self.process = process
        self.taken = set(own)
        """Indexes of hosts that it has and has not told of."""
        self.began = set[int]()
        """Those of them that its engine has begun with."""
        self.heard = time.monotonic()
        """When it told something last."""
        self.end: RunEnd | None = None
        self.killed_for: str | None = None
        """What it did that it was killed for, in words."""


class WorkerSupervisor:
    """One run of ``count`` processes over ``hosts``, which hands each outcome to ``deliver``.

    Forks, so it must be run where there are no threads. Each worker has its part of the settings'
    limits, so that together they keep to them. Raises UsageError for what the transports cannot
    honour.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        settings: EngineSettings,
        deliver: Callable[[HostOutcome], None],
        *,
        count: int,
    ) -> None:
        self._hosts = hosts
        self._settings = settings
        self._deliver = deliver
        self._count = count
        self._deal = partition(
            hosts, count, bastion_connections=settings.transport_settings.bastion_connections
        )
        self._units_left = len(self._deal.units)
        self._transports = _transports(hosts, settings)
        self._alive: list[_Worker] = []
        self._done = bytearray(len(hosts))
        self._deaths = Counter[int]()
        """By host: how many workers died with it."""
        self._deaths_in_a_row = 0
        self._notes: list[str] = []
        self._ends: list[RunEnd] = []
        self._why_stopped: str | None = None
        self._cut_off = Category.NOT_ATTEMPTED
        self._kill_at: float | None = None

    def stop(self, why: str) -> None:
        """End the run as `Engine.stop` does; may be called by a signal's handler."""
        self._why_stopped = self._why_stopped or why

    def run(self) -> RunEnd:
        """Ask every host; each is delivered exactly once.

        Raises what ``deliver`` raises, what a worker's engine raises, and WorkerStartError where
        the first ones cannot be started; no worker is left behind then either.
        """
        self._began = self._looked = time.monotonic()
        with rare_garbage_collection(), self._pile_and_selector():
            for seat in range(self._count):
                self._start(seat, self._deal.own[seat], batch_s=BATCH_S)
            while self._alive or self._any_missing():
                for key, _ in self._selector.select(TICK_S):
                    self._hear(key.data)
                self._look_at_the_clock()
        return RunEnd(
            complete=self._why_stopped is None,
            notes=(*join_notes(end.notes for end in self._ends), *self._notes),
        )

    @contextmanager
    def _pile_and_selector(self) -> Iterator[None]:
        """Whatever happens, no worker stays."""
        self._pile = PipeQueue(len(self._deal.units))
        # Not epoll, whose registrations a forked child would have in common with us.
        with selectors.PollSelector() as self._selector:
            try:
                yield
            finally:
                for worker in self._alive:
                    worker.process.kill()
                for worker in self._alive:
                    worker.process.buried()
                self._pile.close()

    def _start(self, seat: int, own: Sequence[int], *, batch_s: float) -> None:
        task = WorkerTask(
            hosts=self._hosts,
            own=own,
            deal=self._deal,
            pile=self._pile,
            settings=self._settings_of(seat),
            transports=self._transports,
            batch_s=batch_s,
        )
        process = WorkerProcess(task, [worker.process for worker in self._alive])
        worker = _Worker(seat, process, own)
        self._alive.append(worker)
        self._selector.register(process.channel, selectors.EVENT_READ, worker)

    def _settings_of(self, seat: int) -> EngineSettings:
        whole = self._settings
        concurrency = share(whole.concurrency, seat, self._count)
        return replace(
            whole,
            concurrency=concurrency,
            deadline_spent_s=self._spent_s(time.monotonic()),
            cap_shares=self._deal.shares(seat),
            transport_settings=replace(whole.transport_settings, concurrency=concurrency),
        )

    def _spent_s(self, now: float) -> float:
        return self._settings.deadline_spent_s + now - self._began

    def _hear(self, worker: _Worker) -> None:
        lines = worker.process.lines()
        if lines is None:
            self._bury(worker)
            return
        worker.heard = time.monotonic()
        if worker.killed_for is not None:
            return
        try:
            for line in lines:
                self._heed(worker, line[:1], line[1:])
        except OutcomeError:  # its memory is spoilt, and so may be all that it says
            worker.killed_for = "told nonsense"
            worker.process.kill()

    def _heed(self, worker: _Worker, what: bytes, text: bytes) -> None:
        if what == OUTCOME:
            index, outcome = decode_outcome(text, self._hosts)
            worker.taken.discard(index)
            worker.began.discard(index)
            self._deaths_in_a_row = 0
            self._tell(index, outcome)
        elif what == TOOK:
            worker.taken.update(self._deal.units[int(text)])
            self._units_left -= 1
        elif what == BEGAN:
            worker.began.add(int(text))
        elif what == ENDED:
            told = orjson.loads(text)
            worker.end = RunEnd(complete=told["complete"], notes=tuple(told["notes"]))
            self._ends.append(worker.end)
            if not worker.end.complete:
                self._pass_deadline()
        elif what == FAILED:
            told = orjson.loads(text)
            usage = told["exit_code"] == UsageError.exit_code
            raise (UsageError if usage else SockfleetError)(told["text"])

    def _tell(self, index: int, outcome: HostOutcome) -> None:
        if not self._done[index]:
            self._done[index] = 1
            self._deliver(outcome)

    def _bury(self, worker: _Worker) -> None:
        self._selector.unregister(worker.process.channel)
        self._alive.remove(worker)
        how = worker.process.buried()
        if worker.end is not None or self._why_stopped is not None:
            return
        if worker.killed_for is not None:
            how = f"{worker.killed_for} and was killed"
        self._deaths_in_a_row += 1
        self._count_deaths(worker.began or worker.taken, how)
        again = [index for index in sorted(worker.taken) if not self._done[index]]
        if again or self._units_left:
            self._start_afresh(worker.seat, again, how)
        anew = sum(not self._done[index] for index in again)
        self._notes.append(
            f"worker process {worker.process.pid} {how}: of its hosts {anew} are asked anew, "
            f"{len(worker.taken) - anew} given up"
        )

    def _any_missing(self) -> bool:
        """With no worker alive: ask for what is missing, or give it up; whether to go on."""
        missing = [index for index, done in enumerate(self._done) if not done]
        if missing and self._why_stopped is not None:
            for index in missing:
                text = f"cut off by {self._why_stopped}, with the worker process that had it"
                self._fail(index, self._cut_off, text)
        elif missing:
            left = set[int]()
            while (unit := self._pile.take()) is not None:
                left.update(self._deal.units[unit])
            self._units_left = 0
            how = "died before it could say what it had taken"
            self._count_deaths((index for index in missing if index not in left), how)
            self._start_afresh(0, [index for index in missing if not self._done[index]], how)
        return bool(self._alive)

    def _count_deaths(self, lost: Iterable[int], how: str) -> None:
        for index in lost:
            self._deaths[index] += 1
            if self._deaths[index] >= ATTEMPTS:
                self._give_up(index, f"the worker process that asked it {how}, as one had before")

    def _start_afresh(self, seat: int, again: Sequence[int], how: str) -> None:
        """Give these hosts, and what nobody has taken yet, to a fresh worker."""
        problem = None
        if self._deaths_in_a_row >= MOST_DEATHS:
            problem = f"{self._deaths_in_a_row} had died one after another"
        elif has_threads():
            problem = "no other can be started beside threads"
        else:
            try:
                # What it learns is told at once: with one of these hosts it may die as well.
                self._start(seat, again, batch_s=0.0)
            except WorkerStartError as error:
                problem = f"no other could be started ({error.reason})"
        if problem is not None:
            lost = again if self._alive else range(len(self._done))
            for index in lost:
                if not self._done[index]:
                    self._give_up(index, f"a worker process {how}, and {problem}")

    def _give_up(self, index: int, why: str) -> None:
        advice = "see whether memory ran out (dmesg), lower --concurrency, or use --workers 1"
        self._fail(index, Category.LOCAL_RESOURCE, f"{why}: {advice}")

    def _fail(self, index: int, category: Category, message: str) -> None:
        failure = not_contacted(self._hosts[index], category, message)
        attempts = self._deaths[index]
        if attempts:
            elapsed_s = time.monotonic() - self._began
            failure = replace(failure, attempts=attempts, elapsed_s=elapsed_s)
        self._tell(index, failure)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        late_s = now - self._looked - TICK_S
        self._looked = now
        if late_s > TICK_S:  # this process itself was stopped, or busy: they are not to blame
            for worker in self._alive:
                worker.heard += late_s
        deadline_s = self._settings.deadline_s
        if deadline_s is not None and self._spent_s(now) >= deadline_s:
            self._pass_deadline()
        if self._why_stopped is not None and self._kill_at is None:
            self._kill_at = now + STOPPING_S
            if self._cut_off is not Category.DEADLINE:  # they look at the clock themselves
                for worker in self._alive:
                    worker.process.tell_to_stop(self._why_stopped)
        for worker in self._alive:
            silent_s = now - worker.heard
            if self._kill_at is not None and now > self._kill_at:
                worker.process.kill()
            elif silent_s > self._settings.timeout_s + SILENT_S and worker.killed_for is None:
                worker.killed_for = f"told nothing for {silent_s:.0f} s"
                worker.process.kill()

    def _pass_deadline(self) -> None:
        if self._why_stopped is None:
            self._cut_off = Category.DEADLINE
            self._why_stopped = f"the run's deadline of {self._settings.deadline_s:g} s"


def _transports(hosts: Iterable[Host], settings: EngineSettings) -> dict[str, Transport]:
    """Those of the hosts' transports that can be made before the fork; raises UsageError."""
    names = {
        host.transport or settings.transport
        for host in hosts
        if host.connection is not Connection.LOCAL
    }
    return {
        name: load_transport(name, settings.transport_settings)
        for name in sorted(names & _MADE_BEFORE_THE_FORK)
    }

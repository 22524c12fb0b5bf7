"""One scan by several processes: starts the workers, receives their outcomes, replaces the dead.

A worker may be killed at any moment, by the kernel's OOM killer or by a user. The outcomes it has
sent count; a fresh worker contacts the hosts it had taken without an outcome once more. A host
whose workers die twice is a failure (`workers.outcome_tracker`).
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import orjson

from ...core.errors import SockfleetError, UsageError
from ...inventory.models import Connection, Host
from ..engine import EngineSettings
from ..errors import Category
from ..outcome import HostOutcome, RunEnd
from ..outcome_codec import OutcomeError, decode_outcome
from ..pacing.partition import partition, share
from ..runtime.event_loop import rare_garbage_collection
from ..ssh.host_keys.policy import join_notes
from ..transport import Transport, load_transport
from .outcome_tracker import OutcomeTracker
from .pipe_queue import PipeQueue
from .process import WorkerProcess, WorkerStartError, has_threads
from .worker import BEGAN, ENDED, FAILED, OUTCOME, TOOK, WorkerTask
from .worker_scan import BATCH_S

__all__ = ["WorkerSupervisor"]

TICK_S = 0.25
SILENT_S = 15.0
"""Beyond a host's own time: a worker that sends nothing for so long is stuck, or was stopped."""
STOPPING_S = 8.0
"""For the workers to send the failures of hosts that were cut off, once the run is stopped."""
MOST_DEATHS = 8
"""Workers that may die one after another without a single outcome between."""

_MADE_BEFORE_THE_FORK = frozenset({"asyncssh", "paramiko"})
"""Transports that hold no thread, event loop or descriptor before their first host."""


class _Worker:
    """A worker process that is alive, and the hosts it has."""

    def __init__(self, number: int, process: WorkerProcess, own: Iterable[int]) -> None:
        self.number = number
        """Which share of the limits it has; a fresh worker takes the number of the dead one."""
        self.process = process
        self.taken = set(own)
        """Indexes of the hosts that it has and has sent no outcome of."""
        self.began = set[int]()
        """Those of them that its engine has taken up."""
        self.last_message_at = time.monotonic()
        self.end: RunEnd | None = None
        self.kill_reason: str | None = None
        """Why the supervisor killed it, as what it did; None: it did not."""


class WorkerSupervisor:
    """One run of ``count`` processes over ``hosts``; each outcome goes to ``deliver``.

    It forks, so it must run in a process without threads. The workers divide the settings' limits
    between them. Raises UsageError for settings that the transports cannot honour.
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
        self._count = count
        self._partition = partition(
            hosts, count, bastion_connections=settings.transport_settings.bastion_connections
        )
        self._units_left = len(self._partition.units)
        self._transports = _load_transports(hosts, settings)
        self._alive: list[_Worker] = []
        self._outcomes = OutcomeTracker(hosts, deliver)
        self._deaths_in_a_row = 0
        self._notes: list[str] = []
        self._ends: list[RunEnd] = []
        self._stop_reason: str | None = None
        self._stop_category = Category.NOT_ATTEMPTED
        self._kill_at: float | None = None

    def stop(self, why: str) -> None:
        """End the run as `Engine.stop` does; a signal handler may call it."""
        self._stop_reason = self._stop_reason or why

    def run(self) -> RunEnd:
        """Contact every host and deliver exactly one outcome for each.

        Raises what ``deliver`` raises, what a worker's engine raises, and WorkerStartError where
        the first workers cannot be started; no worker is alive afterwards in any case.
        """
        self._began = self._checked_at = time.monotonic()
        with rare_garbage_collection(), self._queue_and_selector():
            for number in range(self._count):
                self._start(number, self._partition.own[number], batch_s=BATCH_S)
            while self._alive or self._recover_missing():
                for key, _ in self._selector.select(TICK_S):
                    self._receive(key.data)
                self._check_time()
        return RunEnd(
            complete=self._stop_reason is None,
            notes=(*join_notes(end.notes for end in self._ends), *self._notes),
        )

    @contextmanager
    def _queue_and_selector(self) -> Iterator[None]:
        """Open what the run needs; kill all workers and close it afterwards."""
        self._queue = PipeQueue(len(self._partition.units))
        # Not epoll: a forked child would share its registrations.
        with selectors.PollSelector() as self._selector:
            try:
                yield
            finally:
                for worker in self._alive:
                    worker.process.kill()
                for worker in self._alive:
                    worker.process.reap()
                self._queue.close()

    def _start(self, number: int, own: Sequence[int], *, batch_s: float) -> None:
        task = WorkerTask(
            hosts=self._hosts,
            own=own,
            units=self._partition.units,
            queue=self._queue,
            settings=self._settings_of(number),
            transports=self._transports,
            batch_s=batch_s,
        )
        process = WorkerProcess(task, [worker.process for worker in self._alive])
        worker = _Worker(number, process, own)
        self._alive.append(worker)
        self._selector.register(process.channel, selectors.EVENT_READ, worker)

    def _settings_of(self, number: int) -> EngineSettings:
        whole = self._settings
        concurrency = min(share(whole.concurrency, number, self._count), len(self._hosts))
        return replace(
            whole,
            concurrency=concurrency,
            deadline_spent_s=self._spent_s(time.monotonic()),
            cap_shares=self._partition.shares(number),
            transport_settings=replace(whole.transport_settings, concurrency=concurrency),
        )

    def _spent_s(self, now: float) -> float:
        return self._settings.deadline_spent_s + now - self._began

    def _receive(self, worker: _Worker) -> None:
        lines = worker.process.read_lines()
        if lines is None:
            self._handle_end(worker)
            return
        worker.last_message_at = time.monotonic()
        if worker.kill_reason is not None:
            return
        try:
            for line in lines:
                self._handle_message(worker, line[:1], line[1:])
        except OutcomeError:  # its memory is corrupt, so all that it sends may be
            worker.kill_reason = "sent invalid data"
            worker.process.kill()

    def _handle_message(self, worker: _Worker, kind: bytes, text: bytes) -> None:
        if kind == OUTCOME:
            index, outcome = decode_outcome(text, self._hosts)
            worker.taken.discard(index)
            worker.began.discard(index)
            self._deaths_in_a_row = 0
            self._outcomes.deliver(index, outcome)
        elif kind == TOOK:
            worker.taken.update(self._partition.units[int(text)])
            self._units_left -= 1
        elif kind == BEGAN:
            worker.began.add(int(text))
        elif kind == ENDED:
            end = orjson.loads(text)
            worker.end = RunEnd(complete=end["complete"], notes=tuple(end["notes"]))
            self._ends.append(worker.end)
            if not worker.end.complete:
                self._pass_deadline()
        elif kind == FAILED:
            error = orjson.loads(text)
            usage = error["exit_code"] == UsageError.exit_code
            raise (UsageError if usage else SockfleetError)(error["text"])

    def _handle_end(self, worker: _Worker) -> None:
        """Reap a worker that has ended; replace it where it left hosts without an outcome."""
        self._selector.unregister(worker.process.channel)
        self._alive.remove(worker)
        how = worker.process.reap()
        if worker.end is not None or self._stop_reason is not None:
            return
        if worker.kill_reason is not None:
            how = f"{worker.kill_reason} and was killed"
        self._deaths_in_a_row += 1
        self._outcomes.count_deaths(worker.began or worker.taken, how)
        again = self._outcomes.without_outcome(worker.taken)
        if again or self._units_left:
            self._replace(worker.number, again, how)
        tried_again = len(self._outcomes.without_outcome(again))
        self._notes.append(
            f"worker process {worker.process.pid} {how}: {tried_again} of its hosts are tried "
            f"again, {len(worker.taken) - tried_again} are given up"
        )

    def _recover_missing(self) -> bool:
        """With no worker alive: start one for the hosts without an outcome, or fail these.

        Returns whether a worker is alive.
        """
        missing = self._outcomes.without_outcome()
        if missing and self._stop_reason is not None:
            for index in missing:
                text = f"cut off by {self._stop_reason}, with the worker process that had it"
                self._outcomes.fail(index, self._stop_category, text)
        elif missing:
            queued = set[int]()
            while (unit := self._queue.take()) is not None:
                queued.update(self._partition.units[unit])
            self._units_left = 0
            how = "died before it could report which hosts it had taken"
            self._outcomes.count_deaths((i for i in missing if i not in queued), how)
            self._replace(0, self._outcomes.without_outcome(missing), how)
        return bool(self._alive)

    def _replace(self, number: int, again: Sequence[int], how: str) -> None:
        """Start a fresh worker for these hosts and the queue, or give the hosts up."""
        problem = None
        if self._deaths_in_a_row >= MOST_DEATHS:
            problem = f"{self._deaths_in_a_row} had died one after another"
        elif has_threads():
            problem = "no other can be started with threads running"
        else:
            try:
                # It sends each outcome at once, as one of these hosts may kill it as well.
                self._start(number, again, batch_s=0.0)
            except WorkerStartError as error:
                problem = f"no other could be started ({error.reason})"
        if problem is not None:
            lost = again if self._alive else None
            self._outcomes.give_up(lost, f"a worker process {how}, and {problem}")

    def _check_time(self) -> None:
        """Apply the deadline, stop the workers once, and kill those that are silent."""
        now = time.monotonic()
        late_s = now - self._checked_at - TICK_S
        self._checked_at = now
        if late_s > TICK_S:  # this process was stopped, or busy: the workers are not silent
            for worker in self._alive:
                worker.last_message_at += late_s
        deadline_s = self._settings.deadline_s
        if deadline_s is not None and self._spent_s(now) >= deadline_s:
            self._pass_deadline()
        if self._stop_reason is not None and self._kill_at is None:
            self._kill_at = now + STOPPING_S
            if self._stop_category is not Category.DEADLINE:  # each worker has the deadline itself
                for worker in self._alive:
                    worker.process.send_stop(self._stop_reason)
        for worker in self._alive:
            silent_s = now - worker.last_message_at
            if self._kill_at is not None and now > self._kill_at:
                worker.process.kill()
            elif silent_s > self._settings.timeout_s + SILENT_S and worker.kill_reason is None:
                worker.kill_reason = f"sent nothing for {silent_s:.0f} s"
                worker.process.kill()

    def _pass_deadline(self) -> None:
        if self._stop_reason is None:
            self._stop_category = Category.DEADLINE
            self._stop_reason = f"the run's deadline of {self._settings.deadline_s:g} s"


def _load_transports(hosts: Iterable[Host], settings: EngineSettings) -> dict[str, Transport]:
    """Load the transports of these hosts that may be made before the fork; raises UsageError."""
    names = {
        host.transport or settings.transport
        for host in hosts
        if host.connection is not Connection.LOCAL
    }
    return {
        name: load_transport(name, settings.transport_settings)
        for name in sorted(names & _MADE_BEFORE_THE_FORK)
    }

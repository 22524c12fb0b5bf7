"""An engine in its own thread that takes batches of hosts while it runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from ...core.errors import SockfleetError
from ...core.text import clean
from ...inventory.models import Host
from ..engine import Engine, EngineSettings
from ..outcome import HostOutcome, not_attempted
from ..outcome_codec import encode_outcome
from ..pacing.host_feed import HostFeed
from ..runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..runtime.event_loop import run_on_event_loop
from ..transport import Transport

__all__ = ["Batch", "BatchEngine"]

log = logging.getLogger("sockfleet.collector")

_IDLE_S = 30.0


class Batch:
    """Some hosts that a task waits for."""

    def __init__(self, indexes: frozenset[int]) -> None:
        self.indexes = indexes
        self.begun = threading.Event()
        """Set once each host has had its slot."""
        self.ended = threading.Event()
        """Set once each host has its outcome."""
        self._to_begin = set(indexes)
        self._to_end = set(indexes)

    def mark(self, index: int, *, ended: bool) -> None:
        """Record that a host has begun, or ended; call it under the engine's lock."""
        self._to_begin.discard(index)
        if ended:
            self._to_end.discard(index)
        self.set_events()

    def set_events(self) -> None:
        """Set the events that are due."""
        if not self._to_begin:
            self.begun.set()
        if not self._to_end:
            self.ended.set()


class BatchEngine:
    """One scan's engine. Any thread may call its methods.

    It ends by `end`, by its deadline, or after ``idle_s`` without a host; then it calls ``on_end``
    once. Raises DescriptorError where not even one connection is possible.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        transports: Mapping[str, Transport] | None = None,
        idle_s: float = _IDLE_S,
    ) -> None:
        possible = concurrency_within(raise_descriptor_limit(), settings.concurrency)
        self._engine = Engine(
            replace(settings, concurrency=possible), transports=dict(transports or {})
        )
        self._idle_s = idle_s
        self._feed = HostFeed(self._mark_begun)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hosts_taken = 0
        self._end_reason: str | None = None
        self._is_closed = False
        self._indexes: dict[int, int] = {}
        self._in_progress: dict[int, Host] = {}
        self._begun: set[int] = set()
        self._lines: dict[int, bytes] = {}
        self._waiting: defaultdict[int, list[Batch]] = defaultdict(list)
        self._notes: list[str] = []

    def start(self, on_end: Callable[[], None]) -> None:
        """Start the engine in a daemon thread."""
        threading.Thread(
            target=self._run, args=(on_end,), name="sockfleet-engine", daemon=True
        ).start()

    def take(self, hosts: Mapping[int, Host]) -> Batch | None:
        """Contact these hosts, or wait for those in progress; None: it takes no new hosts."""
        batch = Batch(frozenset(hosts))
        with self._lock:
            if self._is_closed and not all(
                index in self._lines or index in self._in_progress for index in hosts
            ):
                return None
            new = []
            for index, host in hosts.items():
                if index in self._lines:
                    batch.mark(index, ended=True)
                    continue
                self._waiting[index].append(batch)
                if index in self._begun:
                    batch.mark(index, ended=False)
                elif index not in self._in_progress:
                    self._in_progress[index] = host
                    self._indexes[id(host)] = index  # the outcome holds this same object
                    new.append(host)
            batch.set_events()
            if new:
                self._feed.add(new)
        return batch

    def collect(self, batch: Batch) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
        """Remove and return the batch's encoded outcomes so far, and the engine's notes."""
        with self._lock:
            found = [self._lines.pop(index) for index in batch.indexes if index in self._lines]
            return tuple(found), tuple(self._notes)

    def end(self, why: str | None) -> None:
        """Stop as `Engine.stop` does; with None, once all hosts taken so far have ended."""
        with self._lock:
            self._is_closed = True
            if why is not None:
                self._end_reason = self._end_reason or why
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._engine.stop, why)
        self._feed.close()

    def _run(self, on_end: Callable[[], None]) -> None:
        problem = "its worker's engine ended"
        try:
            run_on_event_loop(self._run_engine())
        except SockfleetError as error:
            problem = str(error)
        except Exception as error:  # a task waits for these hosts
            log.debug("the engine of a scan failed", exc_info=True)
            problem = clean(f"unexpected {type(error).__name__}: {error}")
        with self._lock:
            self._is_closed = True
            self._loop = None
            # Of hosts taken while the engine ended.
            why = self._end_reason or self._engine.stop_reason or problem
            for index, host in list(self._in_progress.items()):
                self._store(index, not_attempted(host, why))
        self._feed.close()
        on_end()

    async def _run_engine(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._end_reason is not None:
                self._engine.stop(self._end_reason)
        idle = asyncio.create_task(self._close_when_idle())
        try:
            await self._engine.run(self._feed, self._deliver)
        finally:
            idle.cancel()
            self._feed.on_change(None)  # the event loop is about to close
            with self._lock:
                self._loop = None
                self._notes = self._engine.notes

    async def _close_when_idle(self) -> None:
        """End an idle engine: the process that started the scan may have exited."""
        while not self._is_closed:
            before = self._hosts_taken
            await asyncio.sleep(self._idle_s)
            with self._lock:
                self._is_closed |= not self._in_progress and before == self._hosts_taken
        self._feed.close()

    def _mark_begun(self, host: Host) -> None:
        with self._lock:
            self._hosts_taken += 1
            index = self._indexes[id(host)]
            self._begun.add(index)
            for batch in self._waiting[index]:
                batch.mark(index, ended=False)

    def _deliver(self, outcome: HostOutcome) -> None:
        with self._lock:
            batches = self._store(self._indexes[id(outcome.host)], outcome)
            if any(batch.ended.is_set() for batch in batches):
                self._notes = self._engine.notes

    def _store(self, index: int, outcome: HostOutcome) -> list[Batch]:
        self._lines[index] = encode_outcome(index, outcome)
        del self._in_progress[index]
        del self._indexes[id(outcome.host)]
        self._begun.discard(index)
        batches = self._waiting.pop(index)
        for batch in batches:
            batch.mark(index, ended=True)
        return batches

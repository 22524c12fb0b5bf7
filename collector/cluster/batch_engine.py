"""An engine in a thread of its own that takes hosts in batches while it runs."""

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
    """Some hosts that somebody waits for."""

    def __init__(self, indexes: frozenset[int]) -> None:
        self.indexes = indexes
        self.begun = threading.Event()
        """Set once each of them has its slot, or has ended."""
        self.ended = threading.Event()
        """Set once the outcome of each is there."""
        self._to_begin = set(indexes)
        self._to_end = set(indexes)

    def note(self, index: int, *, ended: bool) -> None:
        """One of them has begun, or ended; to be called under the engine's lock."""
        self._to_begin.discard(index)
        if ended:
            self._to_end.discard(index)
        self.look()

    def look(self) -> None:
        """Tell those who wait, where there is nothing to wait for any more."""
        if not self._to_begin:
            self.begun.set()
        if not self._to_end:
            self.ended.set()


class BatchEngine:
    """One scan's engine. All but the constructor may be called from any thread.

    It ends by `end`, by its deadline, or when it has had nothing to do for ``idle_s``; then
    ``on_end`` is called, once. Raises DescriptorError where it has no room for a connection.
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
        self._feed = HostFeed(self._taken)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._taken_in_all = 0
        self._why_ended: str | None = None
        self._is_closed = False
        self._indexes: dict[int, int] = {}
        self._under_way: dict[int, Host] = {}
        self._begun: set[int] = set()
        self._lines: dict[int, bytes] = {}
        self._waiting: defaultdict[int, list[Batch]] = defaultdict(list)
        self._notes: list[str] = []

    def start(self, on_end: Callable[[], None]) -> None:
        """Begin, in a thread that ends with the process."""
        threading.Thread(
            target=self._run, args=(on_end,), name="sockfleet-engine", daemon=True
        ).start()

    def take(self, hosts: Mapping[int, Host]) -> Batch | None:
        """Ask these hosts, or wait for those that are under way; None: it takes no new ones."""
        batch = Batch(frozenset(hosts))
        with self._lock:
            if self._is_closed and not all(
                index in self._lines or index in self._under_way for index in hosts
            ):
                return None
            new = []
            for index, host in hosts.items():
                if index in self._lines:
                    batch.note(index, ended=True)
                    continue
                self._waiting[index].append(batch)
                if index in self._begun:
                    batch.note(index, ended=False)
                elif index not in self._under_way:
                    self._under_way[index] = host
                    self._indexes[id(host)] = index  # the outcome brings this very host back
                    new.append(host)
            batch.look()
            if new:
                self._feed.add(new)
        return batch

    def collected(self, batch: Batch) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
        """The batch's outcomes so far, as `encode_outcome` gives them, and the engine's notes."""
        with self._lock:
            found = [self._lines.pop(index) for index in batch.indexes if index in self._lines]
            return tuple(found), tuple(self._notes)

    def end(self, why: str | None) -> None:
        """Stop as `Engine.stop` does, or, with None, once all that was taken has ended."""
        with self._lock:
            self._is_closed = True
            if why is not None:
                self._why_ended = self._why_ended or why
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._engine.stop, why)
        self._feed.close()

    def _run(self, on_end: Callable[[], None]) -> None:
        problem = "its worker's engine ended"
        try:
            run_on_event_loop(self._main())
        except SockfleetError as error:
            problem = str(error)
        except Exception as error:  # whatever it is, somebody waits for these hosts
            log.debug("the engine of a scan", exc_info=True)
            problem = clean(f"unexpected {type(error).__name__}: {error}")
        with self._lock:
            self._is_closed = True
            self._loop = None
            for index, host in list(self._under_way.items()):
                self._keep(index, not_attempted(host, self._why_ended or problem))
        self._feed.close()
        on_end()

    async def _main(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._why_ended is not None:
                self._engine.stop(self._why_ended)
        idle = asyncio.create_task(self._close_when_idle())
        try:
            await self._engine.run(self._feed, self._deliver)
        finally:
            idle.cancel()
            self._feed.on_change(None)  # this loop is about to close
            with self._lock:
                self._loop = None
                self._notes = self._engine.notes

    async def _close_when_idle(self) -> None:
        """Whoever started the scan may be gone without a word."""
        while not self._is_closed:
            before = self._taken_in_all
            await asyncio.sleep(self._idle_s)
            with self._lock:
                self._is_closed |= not self._under_way and before == self._taken_in_all
        self._feed.close()

    def _taken(self, host: Host) -> None:
        with self._lock:
            self._taken_in_all += 1
            index = self._indexes[id(host)]
            self._begun.add(index)
            for batch in self._waiting[index]:
                batch.note(index, ended=False)

    def _deliver(self, outcome: HostOutcome) -> None:
        with self._lock:
            batches = self._keep(self._indexes[id(outcome.host)], outcome)
            if any(batch.ended.is_set() for batch in batches):
                self._notes = self._engine.notes

    def _keep(self, index: int, outcome: HostOutcome) -> list[Batch]:
        self._lines[index] = encode_outcome(index, outcome)
        del self._under_way[index]
        del self._indexes[id(outcome.host)]
        self._begun.discard(index)
        batches = self._waiting.pop(index)
        for batch in batches:
            batch.note(index, ended=True)
        return batches

"""One engine over some of a scan's hosts, whose outcomes go elsewhere: a worker's whole work.

The same for a forked process of this machine (`worker_process`) and for a task on another one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ...inventory.models import Host
from ..engine import Engine, EngineSettings
from ..outcome import HostOutcome, RunEnd
from ..outcome_codec import encode_outcome
from ..runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..runtime.event_loop import run_on_event_loop
from ..transport import Transport

__all__ = ["WorkerScan"]

BATCH_S = 0.05
"""How long an outcome waits for others, unless the receiver says otherwise."""
BATCH_HOSTS = 100


class WorkerScan:
    """Some hosts, each with the index by which its outcome is known to the receiver.

    ``hosts`` is read as slots become free, so that it may be dealt from what others take from too.
    ``transports`` replaces registered transports by name. ``batch_s`` is how long an outcome waits
    for others to go with it; 0: not at all.
    """

    def __init__(
        self,
        hosts: Iterable[tuple[int, Host]],
        settings: EngineSettings,
        *,
        transports: Mapping[str, Transport] | None = None,
        batch_s: float = BATCH_S,
    ) -> None:
        possible = concurrency_within(raise_descriptor_limit(), settings.concurrency)
        self._hosts = hosts
        self._batch_s = batch_s
        self._engine = Engine(
            replace(settings, concurrency=possible), transports=dict(transports or {})
        )
        self._indexes: dict[int, int] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._why_stopped: str | None = None

    def run(self, send: Callable[[list[bytes]], None]) -> RunEnd:
        """Ask every host on an event loop of its own, in any thread; returns once all are sent.

        ``send`` is called on that event loop with what `encode_outcome` gave for some hosts, soon
        after they ended; what it raises ends the run. Raises as `Engine.run` does.
        """
        return run_on_event_loop(self.ask(send))

    async def ask(self, send: Callable[[list[bytes]], None]) -> RunEnd:
        """As `run`, on the event loop that runs."""
        outbox = _Outbox(send, self._batch_s, on_error=lambda: self._engine.stop("an error"))

        def deliver(outcome: HostOutcome) -> None:
            index = self._indexes.pop(id(outcome.host))
            outbox.add(encode_outcome(index, outcome))

        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._why_stopped is not None:
                self._engine.stop(self._why_stopped)
        try:
            await self._engine.run(self._indexed(), deliver)
        finally:
            outbox.close()
            with self._lock:
                self._loop = None
        outbox.flush()
        return RunEnd(complete=self._engine.complete, notes=tuple(self._engine.notes))

    def stop(self, why: str) -> None:
        """As `Engine.stop`, from any thread, before and during the run; afterwards nothing."""
        with self._lock:
            self._why_stopped = self._why_stopped or why
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._engine.stop, why)

    def _indexed(self) -> Iterator[Host]:
        for index, host in self._hosts:
            self._indexes[id(host)] = index  # the outcome brings this very host back
            yield host


class _Outbox:
    """Sends lines in batches, from a running event loop; the caller hears of what fails late."""

    def __init__(
        self,
        send: Callable[[list[bytes]], None],
        batch_s: float,
        *,
        on_error: Callable[[], None],
    ) -> None:
        self._send = send
        self._batch_s = batch_s
        self._on_error = on_error
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None

    def add(self, line: bytes) -> None:
        """Send the line, now or soon. Raises what sending an earlier one raised."""
        self._lines.append(line)
        if len(self._lines) >= BATCH_HOSTS or not self._batch_s:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._batch_s, self._flush_late)

    def flush(self) -> None:
        """Send what waits, now. Raises as `add` does."""
        self.close()
        if self._error is not None:
            raise self._error
        if self._lines:
            lines, self._lines = self._lines, []
            self._send(lines)

    def close(self) -> None:
        """Send nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush_late(self) -> None:
        try:
            self.flush()
        except Exception as error:  # kept for the next to call, as nobody called this
            self._error = error
            self._on_error()

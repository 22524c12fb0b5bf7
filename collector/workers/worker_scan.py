"""One engine over a worker's share of the hosts; encoded outcomes leave in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ...inventory.models import Host
from ..engine import Engine, EngineSettings
from ..outcome import HostOutcome, RunEnd
from ..outcome_codec import encode_outcome
from ..runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..transport import Transport

__all__ = ["WorkerScan"]

BATCH_S = 0.05
"""How long an outcome waits for others, by default."""
BATCH_HOSTS = 100


class WorkerScan:
    """A worker's scan. ``hosts`` yields each host with its index, which names its outcome.

    The iterator is read as slots become free, so it may take from a queue that workers share.
    ``transports`` replaces registered transports by name. ``batch_s`` is how long an outcome waits
    for others to leave with it; 0: not at all.
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

    async def run(self, send: Callable[[list[bytes]], None]) -> RunEnd:
        """Contact every host; returns once all outcomes are sent.

        ``send`` gets what `encode_outcome` returned for some hosts, soon after they ended; what it
        raises ends the run. Raises as `Engine.run` does.
        """
        outbox = _Outbox(send, self._batch_s, on_error=lambda: self._engine.stop("an error"))

        def deliver(outcome: HostOutcome) -> None:
            index = self._indexes.pop(id(outcome.host))
            outbox.add(encode_outcome(index, outcome))

        try:
            await self._engine.run(self._yield_hosts(), deliver)
        finally:
            outbox.close()
        outbox.flush()
        return RunEnd(complete=self._engine.complete, notes=tuple(self._engine.notes))

    def stop(self, why: str) -> None:
        """As `Engine.stop`."""
        self._engine.stop(why)

    def _yield_hosts(self) -> Iterator[Host]:
        for index, host in self._hosts:
            self._indexes[id(host)] = index  # the outcome holds this same object
            yield host


class _Outbox:
    """Sends lines in batches; an error of a late `send` is raised by the next call."""

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
        """Send the line, now or soon. Raises what sending an earlier line raised."""
        self._lines.append(line)
        if len(self._lines) >= BATCH_HOSTS or not self._batch_s:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._batch_s, self._flush_late)

    def flush(self) -> None:
        """Send the waiting lines now. Raises as `add` does."""
        self.close()
        if self._error is not None:
            raise self._error
        if self._lines:
            lines, self._lines = self._lines, []
            self._send(lines)

    def close(self) -> None:
        """Cancel the timer: only `flush` sends from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush_late(self) -> None:
        try:
            self.flush()
        except Exception as error:  # the next call raises it, as a timer has no caller
            self._error = error
            self._on_error()

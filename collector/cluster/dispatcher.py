"""Send batches of hosts to the workers of a Dask cluster until each host has its outcome.

Each batch is a task (`cluster.worker.run_task`) that returns encoded outcomes. Dask chooses the
worker, and gives the task to another one when the worker is lost. The dispatcher does what Dask
does not: it collects late hosts with further tasks and takes back tasks that no worker can run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from ...core.text import clean
from ...inventory.models import Host
from ..errors import Category
from ..outcome import HostOutcome, not_contacted
from ..outcome_codec import decode_outcome
from .batches import HostBatch
from .dask_client import Cluster, SettledTask
from .payload import PayloadBuilder, installed_software
from .worker import TaskResult, run_task

__all__ = ["Dispatcher"]

FIRST_PATIENCE_S = 2.0
LAST_PATIENCE_S = 16.0
"""How long a task waits for late hosts: at first, and at most, after doubling."""
LOOK_S = 1.0
"""Between two looks at the list of workers."""
SILENT_S = 60.0
"""A scheduler that does not answer for so long counts as lost."""


class Dispatcher:
    """The tasks of one scan on ``cluster``.

    ``deliver`` gets the index and the outcome of a host, maybe more than once. ``on_lost`` is
    called once the scheduler is lost, with what happened. ``spent_s`` returns how much of the
    deadline has passed. A worker or region may be missing for ``patience_s``.
    """

    def __init__(
        self,
        cluster: Cluster,
        hosts: Sequence[Host],
        builder: PayloadBuilder,
        *,
        deliver: Callable[[int, HostOutcome], None],
        on_lost: Callable[[str], None],
        spent_s: Callable[[], float],
        patience_s: float,
    ) -> None:
        self._cluster = cluster
        self._hosts = hosts
        self._builder = builder
        self._deliver = deliver
        self._on_lost = on_lost
        self._spent_s = spent_s
        self._patience_s = patience_s
        self._tasks = 0
        self._is_stopped = False
        self._is_lost = False
        self._notes: dict[str, tuple[str, ...]] = {}
        self._in_flight: set[HostBatch] = set()

    @property
    def notes(self) -> list[tuple[str, ...]]:
        """The notes of each worker's transports, complete once all tasks have ended."""
        return list(self._notes.values())

    @property
    def in_flight(self) -> frozenset[int]:
        """The indexes of the hosts that were sent and have no outcome yet."""
        return frozenset(index for batch in self._in_flight for index in batch.left)

    def stop(self) -> None:
        """Send no further batches."""
        self._is_stopped = True

    async def send(self, batches: Iterator[HostBatch]) -> None:
        """Send one batch after another; several calls may share the iterator."""
        for batch in batches:
            if self._is_stopped:
                return
            self._in_flight.add(batch)
            await self._finish_batch(batch)
            self._in_flight.discard(batch)

    async def cancel(self) -> None:
        """Cancel the tasks in flight."""
        tasks = [batch.task for batch in self._in_flight if batch.task is not None]
        if tasks and not self._is_lost:
            await self._cluster.cancel(tasks)

    async def watch(self) -> None:
        """Cancel tasks that Dask would let wait forever, until the scheduler is lost."""
        loop = asyncio.get_running_loop()
        while not self._is_lost:
            await asyncio.sleep(LOOK_S)
            try:
                async with asyncio.timeout(SILENT_S):
                    workers: Mapping[str, frozenset[str]] = await self._cluster.workers()
            except OSError:  # TimeoutError too
                address = self._cluster.address
                self._lose(f"the Dask scheduler at {address} does not answer any more")
                continue
            stuck = [
                batch.task
                for batch in self._in_flight
                if batch.is_stuck(workers, loop.time(), patience_s=self._patience_s)
                and batch.task is not None
            ]
            if stuck:
                await self._cluster.cancel(stuck)

    async def _finish_batch(self, batch: HostBatch) -> None:
        """Send tasks until each host of the batch has its outcome or the batch is given up."""
        patience_s = FIRST_PATIENCE_S
        while batch.left and batch.given_up is None and not self._is_lost:
            settled = await self._run_task(batch, patience_s)
            if isinstance(settled.value, TaskResult):
                self._handle_result(batch, settled.value)
                patience_s = min(2 * patience_s, LAST_PATIENCE_S)
            elif settled.error is not None:
                problem = clean(f"{type(settled.error).__name__}: {settled.error}")
                batch.given_up = Category.LOCAL_RESOURCE, f"the Dask workers failed: {problem}"
            elif self._cluster.is_lost:
                address = self._cluster.address
                self._lose(f"the connection to the Dask scheduler at {address} was lost")
            else:
                batch.move()
        if batch.given_up is not None:
            for index in sorted(batch.left):
                self._deliver(index, not_contacted(self._hosts[index], *batch.given_up))

    async def _run_task(self, batch: HostBatch, patience_s: float) -> SettledTask:
        self._tasks += 1
        hosts = {index: self._hosts[index] for index in batch.left}
        batch.task = self._cluster.submit(
            f"sockfleet-{self._builder.scan}-{self._tasks}",
            run_task,
            self._builder.build(hosts, spent_s=self._spent_s()),
            patience_s,
            worker=batch.worker,
            region=batch.region,
        )
        return await self._cluster.wait(batch.task)

    def _handle_result(self, batch: HostBatch, result: TaskResult) -> None:
        if result.other_software is not None:  # the worker joined after `check_versions`
            versions = f"runs {result.other_software}, and here is {installed_software()}"
            why = f"the Dask worker {result.worker} {versions}: install the same on all"
            batch.given_up = Category.CONFIG, why
        batch.worker = result.worker
        batch.moves = 0
        self._notes[result.worker] = result.notes
        for line in result.lines:
            index, outcome = decode_outcome(line, self._hosts)
            batch.left.discard(index)
            self._deliver(index, outcome)

    def _lose(self, what: str) -> None:
        self._is_lost = True
        self._on_lost(what)

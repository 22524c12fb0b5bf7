"""A scan whose hosts are asked by the workers of a Dask cluster.

Hosts go out a few at a time, each time a task (`dask_worker.ask`), and come back as encoded
outcomes. Dask chooses the worker, and gives a task to another one when a worker is lost. Here is
what Dask does not do: regions that nobody serves, hosts that answer late, the end of the scan, and
one outcome for every host whatever happens.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import field, replace
from typing import Any

from ...core.record import record
from ...core.text import clean
from ...inventory.models import Connection, Host, Secret
from ..engine import Engine, EngineSettings
from ..errors import Category
from ..outcome import HostOutcome, RunEnd, not_attempted, not_contacted
from ..outcome_codec import decode_outcome
from ..runtime.cpu_count import usable_cpus
from ..ssh.host_keys.policy import join_notes
from .batches import HostBatch, make_batches
from .dask_client import Cluster, SettledTask, connect, local_cluster
from .payload import PayloadBuilder, installed_software
from .version_check import check_versions
from .worker import Answer, finish_tasks, run_task

__all__ = ["DaskScan", "DaskSettings"]

MOST_TASKS = 2_000
"""At the scheduler at once: its memory does not follow the fleet."""
FIRST_PATIENCE_S = 2.0
LAST_PATIENCE_S = 16.0
"""How long an answer waits for late hosts: at first, and at most, after doubling."""
LOOK_S = 1.0
"""Between two looks at which workers there are."""
SILENT_S = 60.0
"""A scheduler that does not answer for so long is taken for lost."""
START_S = 60.0
"""For workers of this machine to start."""
STOPPING_S = 4.0
"""For the workers to tell what was cut off, once the run is stopped."""


@record
class DaskSettings:
    """Where the workers are and what they may know."""

    address: str
    """The scheduler's, or ``local`` for processes of this machine, started for this scan."""
    with_secrets: bool = False
    """Send passwords and passphrases; to a cluster of one's own on this machine they always go."""
    passphrases: Mapping[str, Secret] = field(default_factory=dict)
    """By key file; sent only where secrets are."""

    @property
    def is_local(self) -> bool:
        """Whether the workers are started here, and live no longer than the scan."""
        return self.address == "local"


class DaskScan:
    """One scan; ``deliver`` is told each outcome, each host's exactly once.

    Hosts with ``ansible_connection: local`` mean this machine and are asked here.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        settings: EngineSettings,
        dask: DaskSettings,
        deliver: Callable[[HostOutcome], None],
    ) -> None:
        self._hosts = hosts
        self._settings = settings
        self._dask = dask
        self._deliver = deliver
        self._scan = uuid.uuid4().hex[:12]
        self._open = dict(enumerate(hosts))
        self._here = Engine(settings)
        self._preparing: asyncio.Task[None] | None = None
        """The whole run, while it has asked nobody yet."""
        self._in_flight: set[HostBatch] = set()
        self._tasks = 0
        self._notes: dict[str, tuple[str, ...]] = {}
        self._stopped = asyncio.Event()
        self._why_stopped: str | None = None
        self._cut_off = Category.NOT_ATTEMPTED
        self.lost: str | None = None
        """What became of the scheduler in mid-scan; None: nothing."""

    def stop(self, why: str) -> None:
        """End the run as `Engine.stop` does, in the event loop's thread."""
        if self._why_stopped is None:
            self._why_stopped = why
            self._stopped.set()
            if self._preparing is not None:
                self._preparing.cancel()

    async def run(self) -> RunEnd:
        """Ask every host.

        Raises what ``deliver`` raises, ClusterError where the scheduler is not reached, UsageError
        without dask.distributed and where a worker runs another version of sockfleet or Python;
        nothing was contacted then.
        """
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        deadline = None
        if self._settings.deadline_s is not None:
            deadline = loop.call_later(self._settings.deadline_s, self._pass_deadline)
        whole = self._preparing = asyncio.create_task(self._whole())
        try:
            await whole
        except asyncio.CancelledError:
            if self._why_stopped is None:
                raise
        finally:
            if deadline is not None:
                deadline.cancel()
        self._account_for_the_rest()
        return RunEnd(
            complete=self._why_stopped is None,
            notes=join_notes([*self._notes.values(), self._here.notes]),
        )

    async def _whole(self) -> None:
        if self._why_stopped is not None:
            return
        async with self._cluster() as cluster:
            await check_versions(cluster, within_s=self._patience_s)
            self._preparing = None
            try:
                await self._ask_all(cluster)
            finally:
                if self.lost is None:
                    why = self._why_stopped or "an error"
                    await self._finish(cluster, why if self._open else None)

    @property
    def _patience_s(self) -> float:
        """For whatever the cluster owes us before hosts can be asked."""
        return self._settings.transport_settings.connect_timeout_s

    def _cluster(self) -> AbstractAsyncContextManager[Cluster]:
        if not self._dask.is_local:
            return connect(self._dask.address, timeout_s=self._patience_s)
        processes = usable_cpus()
        concurrency = -(-self._settings.concurrency // processes)
        self._settings = replace(
            self._settings,
            concurrency=concurrency,
            transport_settings=replace(self._settings.transport_settings, concurrency=concurrency),
        )
        return local_cluster(processes, timeout_s=START_S)

    async def _ask_all(self, cluster: Cluster) -> None:
        self._packing = PayloadBuilder(
            self._scan,
            self._settings,
            with_secrets=self._dask.with_secrets or self._dask.is_local,
            passphrases=self._dask.passphrases,
        )
        here = [i for i, host in self._open.items() if host.connection is Connection.LOCAL]
        there = [i for i, host in self._open.items() if host.connection is not Connection.LOCAL]
        handfuls = make_batches(
            self._hosts,
            there,
            bastion_connections=self._settings.transport_settings.bastion_connections,
        )
        asking = [
            asyncio.create_task(self._ask_here(here)),
            *(
                asyncio.create_task(self._hand_out(cluster, handfuls))
                for _ in range(min(MOST_TASKS, len(there)))
            ),
        ]
        others = [
            asyncio.create_task(self._watch(cluster)),
            asyncio.create_task(self._stopped.wait()),
        ]
        asked = asyncio.gather(*asking)
        either: set[asyncio.Future[Any]] = {asked, *others}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._why_stopped is not None:
                self._here.stop(self._why_stopped)
                if self.lost is None:
                    await self._finish(cluster, self._why_stopped)
                await asyncio.wait({asked}, timeout=STOPPING_S)
            for done in either:
                if done.done():
                    done.result()
        finally:
            for task in (*asking, *others):
                task.cancel()
            await asyncio.gather(*asking, *others, return_exceptions=True)
            with suppress(BaseException):  # of one of them it was told already
                await asked
            if self.lost is None and self._in_flight:
                await cluster.cancel([h.task for h in self._in_flight if h.task is not None])

    async def _finish(self, cluster: Cluster, why: str | None) -> None:
        """Let the workers end their part, at once where there is a reason."""
        with suppress(OSError):  # TimeoutError too
            async with asyncio.timeout(STOPPING_S / 2):
                await cluster.call_all(finish_tasks, self._scan, why)

    async def _ask_here(self, indexes: list[int]) -> None:
        numbers = {id(self._hosts[index]): index for index in indexes}
        await self._here.run(
            [self._hosts[index] for index in indexes],
            lambda outcome: self._tell(numbers[id(outcome.host)], outcome),
        )

    async def _hand_out(self, cluster: Cluster, handfuls: Iterator[HostBatch]) -> None:
        for handful in handfuls:
            if self._why_stopped is not None:
                return
            self._in_flight.add(handful)
            await self._see_to(cluster, handful)
            self._in_flight.discard(handful)

    async def _see_to(self, cluster: Cluster, handful: HostBatch) -> None:
        """Have these hosts asked until each has its outcome, or none can be had."""
        patience_s = FIRST_PATIENCE_S
        while handful.left and handful.given_up is None and self.lost is None:
            settled = await self._handed_in(cluster, handful, patience_s)
            if isinstance(settled.value, Answer):
                self._take(handful, settled.value)
                patience_s = min(2 * patience_s, LAST_PATIENCE_S)
            elif settled.error is not None:
                problem = clean(f"{type(settled.error).__name__}: {settled.error}")
                handful.given_up = Category.LOCAL_RESOURCE, f"the Dask workers failed: {problem}"
            elif cluster.is_lost:
                self._lose(f"the connection to the Dask scheduler at {cluster.address} was lost")
            else:
                handful.move()
        if handful.given_up is not None:
            for index in sorted(handful.left):
                self._fail(index, *handful.given_up)

    async def _handed_in(
        self, cluster: Cluster, handful: HostBatch, patience_s: float
    ) -> SettledTask:
        self._tasks += 1
        hosts = {index: self._hosts[index] for index in handful.left}
        handful.task = cluster.submit(
            f"sockfleet-{self._scan}-{self._tasks}",
            run_task,
            self._packing.parcel(hosts, spent_s=self._spent_s()),
            patience_s,
            worker=handful.worker,
            region=handful.region,
        )
        return await cluster.settled(handful.task)

    def _take(self, handful: HostBatch, answer: Answer) -> None:
        if answer.other_software is not None:  # it came after `check_versions`
            versions = f"runs {answer.other_software}, and here is {installed_software()}"
            why = f"the Dask worker {answer.worker} {versions}: install the same on all"
            handful.given_up = Category.CONFIG, why
        handful.worker = answer.worker
        handful.moves = 0
        self._notes[answer.worker] = answer.notes
        for line in answer.lines:
            index, outcome = decode_outcome(line, self._hosts)
            handful.left.discard(index)
            self._tell(index, outcome)

    async def _watch(self, cluster: Cluster) -> None:
        """Take back what Dask would let wait for ever, until the scheduler is lost."""
        loop = asyncio.get_running_loop()
        while self.lost is None:
            await asyncio.sleep(LOOK_S)
            try:
                async with asyncio.timeout(SILENT_S):
                    workers: Mapping[str, frozenset[str]] = await cluster.workers()
            except OSError:  # TimeoutError too
                self._lose(f"the Dask scheduler at {cluster.address} does not answer any more")
                continue
            stuck = [
                handful.task
                for handful in self._in_flight
                if handful.is_stuck(workers, loop.time(), patience_s=self._patience_s)
                and handful.task is not None
            ]
            if stuck:
                await cluster.cancel(stuck)

    def _lose(self, what: str) -> None:
        if self._why_stopped is None:
            self.lost = what
            self.stop("the loss of the Dask scheduler")

    def _pass_deadline(self) -> None:
        if self._why_stopped is None:
            self._cut_off = Category.DEADLINE
            self.stop(f"the run's deadline of {self._settings.deadline_s:g} s")

    def _spent_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _account_for_the_rest(self) -> None:
        """Of a run that was stopped."""
        sent = {index for handful in self._in_flight for index in handful.left}
        for index in list(self._open):
            if index in sent:
                text = f"stopped by {self._why_stopped} before its Dask worker told of it"
                self._fail(index, self._cut_off, text)
            else:
                self._tell(index, not_attempted(self._hosts[index], str(self._why_stopped)))

    def _tell(self, index: int, outcome: HostOutcome) -> None:
        """A task that was done twice tells twice of its hosts."""
        if self._open.pop(index, None) is not None:
            self._deliver(outcome)

    def _fail(self, index: int, category: Category, message: str) -> None:
        self._tell(index, not_contacted(self._hosts[index], category, message))

"""A scan on the workers of a Dask cluster: connect, check versions, dispatch, end.

The dispatcher sends the hosts; this module bounds the run: its deadline, a stop from outside, the
loss of the scheduler, and one outcome for every host in any case.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import field, replace
from typing import Any

from ...core.record import record
from ...inventory.models import Connection, Host, Secret
from ..engine import Engine, EngineSettings
from ..errors import Category
from ..outcome import HostOutcome, RunEnd, not_attempted, not_contacted
from ..runtime.cpu_count import usable_cpus
from ..ssh.host_keys.policy import join_notes
from .batches import make_batches
from .dask_client import Cluster, connect, local_cluster
from .dispatcher import Dispatcher
from .payload import PayloadBuilder
from .version_check import check_versions
from .worker import finish_tasks

__all__ = ["DaskScan", "DaskSettings"]

MOST_TASKS = 2_000
"""Tasks at the scheduler at once, so that its memory does not grow with the fleet."""
START_S = 60.0
"""For the workers of a local cluster to start."""
STOPPING_S = 4.0
"""For the workers to return the failures of hosts that were cut off, once the run is stopped."""


@record
class DaskSettings:
    """Where the workers are, and which secrets they get."""

    address: str
    """The scheduler's; or ``local`` for worker processes on this machine, started for the scan."""
    with_secrets: bool = False
    """Send passwords and passphrases; a local cluster gets them in any case."""
    passphrases: Mapping[str, Secret] = field(default_factory=dict)
    """By key file; sent only with secrets."""

    @property
    def is_local(self) -> bool:
        """Whether the scan starts the workers itself and ends them with it."""
        return self.address == "local"


class DaskScan:
    """One scan; ``deliver`` gets exactly one outcome for each host.

    Hosts with ``ansible_connection: local`` mean this machine: an engine here contacts them.
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
        self._without_outcome = dict(enumerate(hosts))
        self._local_engine = Engine(settings)
        self._dispatcher: Dispatcher | None = None
        self._preparing: asyncio.Task[None] | None = None
        """The whole run, as long as it has contacted no host."""
        self._stopped = asyncio.Event()
        self._stop_reason: str | None = None
        self._stop_category = Category.NOT_ATTEMPTED
        self.lost: str | None = None
        """How the scheduler was lost during the scan; None: it was not."""

    def stop(self, why: str) -> None:
        """End the run as `Engine.stop` does; call it in the event loop's thread."""
        if self._stop_reason is None:
            self._stop_reason = why
            self._stopped.set()
            if self._dispatcher is not None:
                self._dispatcher.stop()
            if self._preparing is not None:
                self._preparing.cancel()

    async def run(self) -> RunEnd:
        """Contact every host.

        Raises what ``deliver`` raises. Before any host is contacted it raises ClusterError where
        the scheduler is not reached, and UsageError without dask.distributed or where a worker runs
        another version of sockfleet or Python.
        """
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        deadline = None
        if self._settings.deadline_s is not None:
            deadline = loop.call_later(self._settings.deadline_s, self._pass_deadline)
        scanning = self._preparing = asyncio.create_task(self._scan_on_cluster())
        try:
            await scanning
        except asyncio.CancelledError:
            if self._stop_reason is None:
                raise
        finally:
            if deadline is not None:
                deadline.cancel()
        self._deliver_failures()
        notes = [] if self._dispatcher is None else self._dispatcher.notes
        return RunEnd(
            complete=self._stop_reason is None,
            notes=join_notes([*notes, self._local_engine.notes]),
        )

    async def _scan_on_cluster(self) -> None:
        if self._stop_reason is not None:
            return
        async with self._connect() as cluster:
            await check_versions(cluster, within_s=self._patience_s)
            self._preparing = None
            try:
                await self._contact_all(cluster)
            finally:
                if self.lost is None:
                    why = self._stop_reason or "an error"
                    await self._finish_workers(cluster, why if self._without_outcome else None)

    @property
    def _patience_s(self) -> float:
        """How long the cluster may take before hosts can be contacted."""
        return self._settings.transport_settings.connect_timeout_s

    def _connect(self) -> AbstractAsyncContextManager[Cluster]:
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

    async def _contact_all(self, cluster: Cluster) -> None:
        dispatcher = self._dispatcher = Dispatcher(
            cluster,
            self._hosts,
            PayloadBuilder(
                self._scan,
                self._settings,
                with_secrets=self._dask.with_secrets or self._dask.is_local,
                passphrases=self._dask.passphrases,
            ),
            deliver=self._deliver_once,
            on_lost=self._lose,
            spent_s=self._spent_s,
            patience_s=self._patience_s,
        )
        local: list[int] = []
        remote: list[int] = []
        for index, host in self._without_outcome.items():
            (local if host.connection is Connection.LOCAL else remote).append(index)
        batches = make_batches(
            self._hosts,
            remote,
            bastion_connections=self._settings.transport_settings.bastion_connections,
        )
        contacting = [
            asyncio.create_task(self._contact_local(local)),
            *(
                asyncio.create_task(dispatcher.send(batches))
                for _ in range(min(MOST_TASKS, len(remote)))
            ),
        ]
        others = [
            asyncio.create_task(dispatcher.watch()),
            asyncio.create_task(self._stopped.wait()),
        ]
        contacted = asyncio.gather(*contacting)
        either: set[asyncio.Future[Any]] = {contacted, *others}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._stop_reason is not None:
                self._local_engine.stop(self._stop_reason)
                if self.lost is None:
                    await self._finish_workers(cluster, self._stop_reason)
                await asyncio.wait({contacted}, timeout=STOPPING_S)
            for done in either:
                if done.done():
                    done.result()
        finally:
            for task in (*contacting, *others):
                task.cancel()
            await asyncio.gather(*contacting, *others, return_exceptions=True)
            with suppress(BaseException):  # raised above already
                await contacted
            await dispatcher.cancel()

    async def _finish_workers(self, cluster: Cluster, why: str | None) -> None:
        """Let each worker end its engine of this scan, at once where ``why`` is given."""
        with suppress(OSError):  # TimeoutError too
            async with asyncio.timeout(STOPPING_S / 2):
                await cluster.call_all(finish_tasks, self._scan, why)

    async def _contact_local(self, indexes: list[int]) -> None:
        numbers = {id(self._hosts[index]): index for index in indexes}
        await self._local_engine.run(
            [self._hosts[index] for index in indexes],
            lambda outcome: self._deliver_once(numbers[id(outcome.host)], outcome),
        )

    def _lose(self, what: str) -> None:
        if self._stop_reason is None:
            self.lost = what
            self.stop("the loss of the Dask scheduler")

    def _pass_deadline(self) -> None:
        if self._stop_reason is None:
            self._stop_category = Category.DEADLINE
            self.stop(f"the run's deadline of {self._settings.deadline_s:g} s")

    def _spent_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _deliver_failures(self) -> None:
        """Deliver a failure for each host without an outcome: the run was stopped."""
        sent = frozenset() if self._dispatcher is None else self._dispatcher.in_flight
        for index, host in list(self._without_outcome.items()):
            if index in sent:
                text = f"stopped by {self._stop_reason} before its Dask worker sent its outcome"
                failure = not_contacted(host, self._stop_category, text)
            else:
                failure = not_attempted(host, str(self._stop_reason))
            self._deliver_once(index, failure)

    def _deliver_once(self, index: int, outcome: HostOutcome) -> None:
        """Deliver the first outcome of a host; a task that Dask ran twice sends a second one."""
        if self._without_outcome.pop(index, None) is not None:
            self._deliver(outcome)

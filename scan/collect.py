"""One run of the collector: in this process, in several, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..collector.engine import Engine, EngineSettings
from ..collector.outcome import HostOutcome
from ..collector.runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..collector.runtime.event_loop import run_on_event_loop
from ..core.record import record
from ..inventory.models import Host, Secret
from .hooks import Stoppable

__all__ = ["CollectEnd", "collect", "collect_on_cluster", "count_workers"]

FROM_HOSTS_ON = 1000
"""Below it one process is as fast: the others would have to be started first."""
HOSTS_PER_WORKER = 100
"""With fewer hosts, a process takes longer to start than it saves."""

Deliver = Callable[[HostOutcome], None]


@record
class CollectEnd:
    """How a run ended."""

    complete: bool
    """False where it was stopped before every host had its turn."""
    notes: Sequence[str]
    """Messages of the transports for the user."""
    failed: str | None = None
    """Why the run itself failed in the middle; None: it did not."""


def count_workers(wanted: int | str, hosts: int) -> int:
    """The number of processes for so many hosts; ``auto``: as many as are worth it here."""
    from ..collector.runtime.cpu_count import usable_cpus

    if isinstance(wanted, int):
        return min(wanted, hosts)
    if hosts < FROM_HOSTS_ON:
        return 1
    return min(usable_cpus(), hosts // HOSTS_PER_WORKER)


def collect(
    hosts: Sequence[Host],
    settings: EngineSettings,
    deliver: Deliver,
    *,
    stoppable: Stoppable,
    workers: int = 1,
) -> CollectEnd:
    """Read every host; ``deliver`` gets each outcome as it is known.

    ``workers`` processes share the work. Where they cannot be forked, because this process has
    threads or the system allows no more processes, this one reads all hosts and a note says so.
    A run that is stopped still ends with an outcome for every host. Raises what ``deliver``
    raises, and DescriptorError.
    """
    possible = concurrency_within(raise_descriptor_limit(), settings.concurrency)
    # The workers divide all of it: a worker may come to have more than its part of the hosts.
    settings = replace(settings, concurrency=possible)
    workers = min(workers, possible, len(hosts))
    if workers <= 1:
        return _collect_here(hosts, settings, deliver, stoppable)
    from ..collector.workers.process import WorkerStartError, has_threads

    why = "with threads running, others cannot be forked"
    if not has_threads():
        try:
            return _collect_in_workers(hosts, settings, deliver, stoppable, workers)
        except WorkerStartError as error:
            why = str(error)
    ended = _collect_here(hosts, settings, deliver, stoppable)
    return replace(ended, notes=[*ended.notes, f"one process asked all hosts: {why}"])


def _collect_here(
    hosts: Sequence[Host], settings: EngineSettings, deliver: Deliver, stoppable: Stoppable
) -> CollectEnd:
    engine = Engine(replace(settings, concurrency=min(settings.concurrency, len(hosts))))

    async def main() -> None:
        with stoppable(engine.stop):
            await engine.run(hosts, deliver)

    run_on_event_loop(main())
    return CollectEnd(complete=engine.complete, notes=engine.notes)


def _collect_in_workers(
    hosts: Sequence[Host],
    settings: EngineSettings,
    deliver: Deliver,
    stoppable: Stoppable,
    count: int,
) -> CollectEnd:
    from ..collector.workers.supervisor import WorkerSupervisor

    workers = WorkerSupervisor(hosts, settings, deliver, count=count)
    with stoppable(workers.stop):
        end = workers.run()
    return CollectEnd(complete=end.complete, notes=end.notes)


def collect_on_cluster(
    hosts: Sequence[Host],
    settings: EngineSettings,
    deliver: Deliver,
    *,
    stoppable: Stoppable,
    address: str,
    ship_secrets: bool,
    passphrases: Mapping[str, Secret],
) -> CollectEnd:
    """As `collect`, by the workers of a Dask cluster.

    ``passphrases`` are those of key files, by path. Raises ClusterError where the scheduler cannot
    be reached.
    """
    from ..collector.cluster.scan import DaskScan, DaskSettings
    from ..collector.outcome import RunEnd

    dask = DaskSettings(address=address, with_secrets=ship_secrets, passphrases=passphrases)

    async def main() -> tuple[RunEnd, str | None]:
        scan = DaskScan(hosts, settings, dask, deliver)
        with stoppable(scan.stop):
            return await scan.run(), scan.lost

    end, lost = run_on_event_loop(main())
    return CollectEnd(complete=end.complete, notes=end.notes, failed=lost)

"""One run of the collector: in how many processes, and what ends it early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..collector.engine import Engine, EngineSettings
from ..collector.outcome import HostOutcome
from ..collector.runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..collector.runtime.event_loop import run_on_event_loop
from ..collector.runtime.signals import catch_signals, stop_on_signals
from ..core.record import record
from ..inventory.models import Host

__all__ = ["Ended", "collect", "how_many_workers"]


FROM_HOSTS_ON = 1000
"""With fewer, one process is as fast: the others would have to be made ready first."""
HOSTS_PER_WORKER = 100
"""A process that has fewer to ask takes longer to make ready than it saves."""


@record
class Ended:
    """How a run ended."""

    complete: bool
    signal: int | None
    """The signal that ended it; None: it ended by itself, or by its deadline."""
    notes: Sequence[str]
    """What the transports have to tell the user."""
    failed: str | None = None
    """Why the run itself failed in the middle; None: it did not."""


def how_many_workers(wanted: int | str, hosts: int) -> int:
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
    deliver: Callable[[HostOutcome], None],
    *,
    workers: int = 1,
) -> Ended:
    """Ask every host; ``deliver`` is told each outcome as it is known.

    ``workers`` processes share the work; where they cannot be forked, as this process has threads
    or the system no process left, this one does it all, and a note says so. SIGINT, SIGTERM and
    SIGHUP end the run early with an outcome for every host; a second one of them kills the process
    as usual, and its workers with it. Raises what ``deliver`` raises, and DescriptorError.
    """
    possible = concurrency_within(raise_descriptor_limit(), settings.concurrency)
    settings = replace(settings, concurrency=min(possible, len(hosts)))
    workers = min(workers, settings.concurrency)
    if workers <= 1:
        return _in_this_process(hosts, settings, deliver)
    from ..collector.workers.process import WorkerStartError, has_threads

    why = "with threads running, others cannot be forked"
    if not has_threads():
        try:
            return _in_workers(hosts, settings, deliver, workers)
        except WorkerStartError as error:
            why = str(error)
    ended = _in_this_process(hosts, settings, deliver)
    return replace(ended, notes=[*ended.notes, f"one process asked all hosts: {why}"])


def _in_this_process(
    hosts: Sequence[Host], settings: EngineSettings, deliver: Callable[[HostOutcome], None]
) -> Ended:
    engine = Engine(settings)
    signals: list[int] = []

    async def main() -> None:
        stop_on_signals(engine.stop, signals)
        await engine.run(hosts, deliver)

    run_on_event_loop(main())
    return Ended(
        complete=engine.complete, signal=signals[0] if signals else None, notes=engine.notes
    )


def _in_workers(
    hosts: Sequence[Host],
    settings: EngineSettings,
    deliver: Callable[[HostOutcome], None],
    count: int,
) -> Ended:
    from ..collector.workers.supervisor import WorkerSupervisor

    workers = WorkerSupervisor(hosts, settings, deliver, count=count)
    with catch_signals(workers.stop) as signals:
        end = workers.run()
    return Ended(complete=end.complete, signal=signals[0] if signals else None, notes=end.notes)

"""What runs in a Dask worker process: one engine per scan, which takes the hosts of its tasks.

A task occupies one of the worker's threads until its hosts have their slots in the engine, and then
secedes (`distributed.secede`). So the worker takes as many hosts as it can contact at once, and a
slow host blocks no other task. Keys, known_hosts and connections to jump hosts are loaded once per
scan, not once per task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...core.record import record
from ..engine import EngineSettings
from ..outcome import not_attempted
from ..outcome_codec import encode_outcome
from .batch_engine import BatchEngine
from .payload import Software, TaskPayload, installed_software

__all__ = ["TaskResult", "finish_tasks", "run_task"]

_ENDED_SCANS = 100
"""How many scan ids are kept, so that a late task does not start an ended scan again."""


@record
class TaskResult:
    """The result of a task."""

    worker: str
    """The worker's address: its engine has the hosts that are left."""
    lines: tuple[bytes, ...] = ()
    """The encoded outcomes of the hosts that ended."""
    notes: tuple[str, ...] = ()
    """All notes of the worker's transports so far."""
    other_software: Software | None = None
    """Set where the worker runs another version; it has contacted no host."""


def run_task(payload: TaskPayload, patience_s: float) -> TaskResult:
    """The Dask task: contact the payload's hosts and return when all have ended.

    It returns what there is ``patience_s`` after the last host got its slot; another task with the
    remaining hosts, sent to the same worker, waits for these. Raises DescriptorError.
    """
    from distributed import get_worker

    address: str = get_worker().address
    here = installed_software()
    if payload.software != here:
        return TaskResult(worker=address, other_software=here)
    settings, hosts = payload.unpack()
    while True:
        engine, why_ended = _get_engine(payload.scan, settings)
        batch = None if engine is None else engine.take(hosts)
        if engine is not None and batch is not None:
            break
        if why_ended is not None:
            failures = (
                encode_outcome(i, not_attempted(host, why_ended)) for i, host in hosts.items()
            )
            return TaskResult(worker=address, lines=tuple(failures))
        _forget(payload.scan, engine)
    batch.begun.wait()
    _secede()
    batch.ended.wait(patience_s)
    lines, notes = engine.collect(batch)
    return TaskResult(worker=address, lines=lines, notes=notes)


def finish_tasks(scan: str, why: str | None) -> None:
    """End the scan in this process; ``why`` cuts off its hosts, None means that all have ended.

    Called in every worker, also where the scan had no task yet. The engine of the latest scan that
    was cut off is kept, as a task may still collect the outcomes of its hosts.
    """
    with _lock:
        for ended in _ended.keys() & _engines.keys():
            del _engines[ended]
        while len(_ended) >= _ENDED_SCANS:
            del _ended[next(iter(_ended))]
        _ended[scan] = why or "the end of the scan"
        engine = _engines.get(scan)
        if why is None:
            _engines.pop(scan, None)
    if engine is not None:
        engine.end(why)


def _secede() -> None:
    import distributed

    secede: Callable[[], None] = distributed.secede
    secede()


_lock = threading.Lock()
_engines: dict[str, BatchEngine] = {}
_ended: dict[str, str] = {}


def _get_engine(scan: str, settings: EngineSettings) -> tuple[BatchEngine | None, str | None]:
    """The scan's engine, started if there is none, and why the scan has ended, if it has."""
    with _lock:
        why = _ended.get(scan)
        if scan not in _engines and why is None:
            engine = _engines[scan] = BatchEngine(settings)
            engine.start(on_end=lambda: _forget(scan, engine))
        return _engines.get(scan), why


def _forget(scan: str, engine: BatchEngine | None) -> None:
    with _lock:
        if scan not in _ended and _engines.get(scan) is engine:
            _engines.pop(scan, None)

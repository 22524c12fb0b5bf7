"""What runs in the process of a Dask worker: one engine for each scan, fed by the scan's tasks.

A task brings some hosts, keeps its place among the worker's tasks until the engine has a slot for
each of them, and then gives way to the next (`distributed.secede`): so the worker takes as many as
it can ask, and a host that answers late holds up nobody. Keys, known_hosts and the connections to
jump hosts are made once for a scan, however many tasks it has.
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

__all__ = ["Answer", "finish_tasks", "run_task"]

_ENDED_SCANS = 100
"""Remembered, so that a task which comes late does not begin a scan anew."""


@record
class Answer:
    """What became of a parcel."""

    worker: str
    """The worker's address: what is left can only be had there."""
    lines: tuple[bytes, ...] = ()
    """`outcome_codec` lines of the hosts that ended."""
    notes: tuple[str, ...] = ()
    """What the worker's transports have to tell the user, all of it so far."""
    other_software: Software | None = None
    """Set where the worker runs another version, and has asked nobody."""


def run_task(parcel: TaskPayload, patience_s: float) -> Answer:
    """The Dask task: ask the parcel's hosts, and answer when all have ended.

    ``patience_s`` after the last one got its slot it answers what there is; a further parcel with
    those that are left, sent to this same worker, waits for them. Raises DescriptorError.
    """
    from distributed import get_worker

    address: str = get_worker().address
    here = installed_software()
    if parcel.software != here:
        return Answer(worker=address, other_software=here)
    settings, hosts = parcel.contents()
    while True:
        engine, why_ended = _engine(parcel.scan, settings)
        batch = None if engine is None else engine.take(hosts)
        if engine is not None and batch is not None:
            break
        if why_ended is not None:
            lines = [encode_outcome(i, not_attempted(host, why_ended)) for i, host in hosts.items()]
            return Answer(worker=address, lines=tuple(lines))
        _forget(parcel.scan, engine)
    batch.begun.wait()
    _give_way()
    batch.ended.wait(patience_s)
    collected, notes = engine.collected(batch)
    return Answer(worker=address, lines=collected, notes=notes)


def finish_tasks(scan: str, why: str | None) -> None:
    """End the scan in this process: at once, with ``why`` for those cut off, or None: it is over.

    To be called in every worker, also those that had no part in it yet. The engine of the newest
    scan that was cut off is kept: somebody may still ask what became of its hosts.
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


def _give_way() -> None:
    import distributed

    secede: Callable[[], None] = distributed.secede
    secede()


_lock = threading.Lock()
_engines: dict[str, BatchEngine] = {}
_ended: dict[str, str] = {}


def _engine(scan: str, settings: EngineSettings) -> tuple[BatchEngine | None, str | None]:
    """The scan's engine, made where there is none, and why the scan has ended, if it has."""
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

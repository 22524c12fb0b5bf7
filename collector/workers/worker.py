"""The life of one worker of a scan, in a process that was forked for it.

What a worker says are lines on its end of a socket pair: `TOOK` and the number of a unit it took
from the pile, `BEGAN` and the index of a host that its engine took from there, `OUTCOME` and an
encoded outcome, and in the end `ENDED` and how its shard ended, or `FAILED` and the error that
ended it. What it is told is one line: why to stop. It ends with its parent, however that ends: at
the end of the file, and where the kernel can, by a signal.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, cast

import orjson

from ...core.errors import SockfleetError
from ...core.record import record
from ...inventory.models import Host
from ..engine import EngineSettings
from ..pacing.partition import Partition
from ..runtime.event_loop import run_on_event_loop
from ..runtime.signals import STOP_SIGNALS
from ..transport import Transport
from .pipe_queue import PipeQueue
from .worker_scan import WorkerScan

__all__ = ["BEGAN", "ENDED", "FAILED", "OUTCOME", "TOOK", "WorkerTask", "run_worker"]

TOOK, BEGAN, OUTCOME, ENDED, FAILED = b"t", b"b", b"o", b"e", b"x"

_PR_SET_PDEATHSIG = 1  # prctl(2)


@record
class WorkerTask:
    """What one worker is to do; it reaches the worker by the fork."""

    hosts: Sequence[Host]
    """All hosts of the scan."""
    own: Sequence[int]
    """Indexes of hosts that this worker asks first."""
    deal: Partition
    pile: PipeQueue
    settings: EngineSettings
    transports: Mapping[str, Transport]
    """Ready before the fork, so that what they have read is in memory once."""
    batch_s: float
    """As of `WorkerScan`."""


def run_worker(task: WorkerTask, channel: socket.socket, parent: int) -> NoReturn:
    """The whole life of a child of ``parent``: none of the parent's frames is returned to.

    Called with `STOP_SIGNALS` blocked.
    """
    code = 1
    try:
        _end_with(parent)
        for number in STOP_SIGNALS:
            # The parent tells when to stop. Not ignored: a ProxyCommand would inherit that.
            signal.signal(number, _let_pass)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        _let_go_of_stdout()
        run_on_event_loop(_work(task, channel))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _let_go_of_stdout() -> None:
    """The result goes there, and whoever reads it waits for the last who holds it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _let_pass(_number: int, _frame: object) -> None:
    """Take a signal and do nothing."""


def _end_with(parent: int) -> None:
    """Be killed when the parent ends, a stopped process too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


async def _work(task: WorkerTask, channel: socket.socket) -> None:
    def indexes() -> Iterator[int]:
        yield from task.own
        while (unit := task.pile.take()) is not None:
            link.say(TOOK, b"%d" % unit)
            yield from task.deal.units[unit]

    def hosts() -> Iterator[tuple[int, Host]]:
        for index in indexes():
            link.say(BEGAN, b"%d" % index)
            yield index, task.hosts[index]

    shard = WorkerScan(hosts(), task.settings, transports=task.transports, batch_s=task.batch_s)
    link = _Link(shard)
    await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=channel)
    try:
        end = await shard.ask(link.send)
    except SockfleetError as error:
        told = {"exit_code": error.exit_code, "text": str(error)}
        link.say(FAILED, orjson.dumps(told, default=str))
    else:
        link.say(ENDED, orjson.dumps({"complete": end.complete, "notes": end.notes}))
    await link.close()


class _Link(asyncio.Protocol):
    """The worker's end of the socket pair."""

    def __init__(self, shard: WorkerScan) -> None:
        self._shard = shard
        self._heard = b""
        self._transport: asyncio.WriteTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's only looks like one

    def send(self, outcomes: list[bytes]) -> None:
        """Tell these outcomes; what the parent does not take yet is kept here."""
        self._write(b"".join(OUTCOME + line + b"\n" for line in outcomes))

    def say(self, what: bytes, text: bytes) -> None:
        """Tell something else."""
        self._write(what + text + b"\n")

    async def close(self) -> None:
        """Return when the parent has everything."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.close()
            await self._closed

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._heard.endswith(b"\n"):
            self._shard.stop(self._heard[:-1].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            os._exit(1)  # the parent has gone: nobody wants the rest
        self._closed.set_result(exc)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

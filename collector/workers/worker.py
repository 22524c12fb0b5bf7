"""What a worker process does, from its fork to its end.

It sends its supervisor lines over a socket pair: `TOOK` and the number of a unit that it took from
the queue, `BEGAN` and the index of a host that its engine has taken up, `OUTCOME` and an encoded
outcome, and at last `ENDED` and the end of its run, or `FAILED` and the error that ended it. The
supervisor sends at most one line: why to stop. The worker ends with its parent: when the socket
closes, and on Linux also by a signal of the kernel.
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
from ...core.exit_codes import Exit
from ...core.record import record
from ...inventory.models import Host
from ..engine import EngineSettings
from ..runtime.event_loop import run_on_event_loop
from ..runtime.signals import STOP_SIGNALS, handled_signals
from ..transport import Transport
from .pipe_queue import PipeQueue
from .worker_scan import WorkerScan

__all__ = ["BEGAN", "ENDED", "FAILED", "OUTCOME", "TOOK", "WorkerTask", "run_worker"]

TOOK, BEGAN, OUTCOME, ENDED, FAILED = b"t", b"b", b"o", b"e", b"x"

_PR_SET_PDEATHSIG = 1  # prctl(2)


@record
class WorkerTask:
    """What one worker does; it inherits this by the fork."""

    hosts: Sequence[Host]
    """All hosts of the scan."""
    own: Sequence[int]
    """Indexes of the hosts that this worker contacts before it takes any from the queue."""
    units: Sequence[Sequence[int]]
    """As `Partition.units`; ``queue`` holds their numbers."""
    queue: PipeQueue
    settings: EngineSettings
    transports: Mapping[str, Transport]
    """Made before the fork, so that all workers share the memory of what they have read."""
    batch_s: float
    """As of `WorkerScan`."""


def run_worker(task: WorkerTask, channel: socket.socket, parent: int) -> NoReturn:
    """Run the task in a child process of ``parent`` and exit; never returns to the parent's frames.

    Call it with `STOP_SIGNALS` blocked.
    """
    code = Exit.FAILED
    try:
        _exit_with(parent)
        for number in handled_signals():
            # The supervisor sends when to stop. Not SIG_IGN: a ProxyCommand would inherit it.
            signal.signal(number, _ignore)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        _release_stdout()
        run_on_event_loop(_work(task, channel))
        code = Exit.OK
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _release_stdout() -> None:
    """Point stdout to /dev/null: a reader of the result waits until no process holds the pipe."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _ignore(_number: int, _frame: object) -> None:
    """Handle a signal and do nothing."""


def _exit_with(parent: int) -> None:
    """Let the kernel kill this process when the parent ends, even while it is stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(Exit.FAILED)


async def _work(task: WorkerTask, channel: socket.socket) -> None:
    def indexes() -> Iterator[int]:
        yield from task.own
        while (unit := task.queue.take()) is not None:
            supervisor.send(TOOK, b"%d" % unit)
            yield from task.units[unit]

    def hosts() -> Iterator[tuple[int, Host]]:
        for index in indexes():
            supervisor.send(BEGAN, b"%d" % index)
            yield index, task.hosts[index]

    scan = WorkerScan(hosts(), task.settings, transports=task.transports, batch_s=task.batch_s)
    supervisor = _SupervisorChannel(scan)
    await asyncio.get_running_loop().create_unix_connection(lambda: supervisor, sock=channel)
    try:
        end = await scan.run(supervisor.send_outcomes)
    except SockfleetError as error:
        failure = {"exit_code": error.exit_code, "text": str(error)}
        supervisor.send(FAILED, orjson.dumps(failure, default=str))
    else:
        supervisor.send(ENDED, orjson.dumps({"complete": end.complete, "notes": end.notes}))
    await supervisor.close()


class _SupervisorChannel(asyncio.Protocol):
    """The worker's end of the socket pair."""

    def __init__(self, scan: WorkerScan) -> None:
        self._scan = scan
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, not isinstance: uvloop's transport is no subclass of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def send_outcomes(self, outcomes: list[bytes]) -> None:
        """Send encoded outcomes; the transport buffers what the parent does not read yet."""
        self._write(b"".join(OUTCOME + line + b"\n" for line in outcomes))

    def send(self, kind: bytes, text: bytes) -> None:
        """Send one message."""
        self._write(kind + text + b"\n")

    async def close(self) -> None:
        """Close the channel and wait until the parent has everything."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.close()
            await self._closed

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\n"):
            self._scan.stop(self._received[:-1].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            os._exit(Exit.FAILED)  # the parent has exited: nothing reads the rest
        self._closed.set_result(exc)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

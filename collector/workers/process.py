"""A worker process from its supervisor's side: fork, read, stop, kill, reap."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...core.errors import SockfleetError
from ...core.exit_codes import Exit
from ..runtime.signals import block_stop_signals
from .worker import WorkerTask, run_worker

__all__ = ["WorkerProcess", "WorkerStartError", "has_threads"]

_READ_BYTES = 1 << 18


def has_threads() -> bool:
    """Whether this process has more than one thread; then it must not fork.

    The child would inherit locks that no thread of its own releases.
    """
    if threading.active_count() > 1:
        return True
    tasks = Path("/proc/self/task")  # counts threads that libraries start without Python, too
    return tasks.exists() and len(list(tasks.iterdir())) > 1


class WorkerStartError(SockfleetError):
    """The system has no process, descriptor or memory left for a worker."""

    exit_code = Exit.LOCAL

    def __init__(self, error: OSError) -> None:
        self.reason = error.strerror
        super().__init__(f"cannot start a worker process: {self.reason}")


class WorkerProcess:
    """Forks a worker that runs ``task``.

    ``others`` are the workers alive, whose channels the new one must close. Raises
    WorkerStartError.
    """

    def __init__(self, task: WorkerTask, others: Iterable[WorkerProcess]) -> None:
        self._unread = b""
        parent = os.getpid()
        try:
            self.channel, worker_end = socket.socketpair()
        except OSError as error:
            raise WorkerStartError(error) from error
        try:
            with block_stop_signals():  # until the child has installed its handlers
                self.pid = os.fork()
                if self.pid == 0:
                    for worker in (self, *others):
                        worker.channel.close()
                    run_worker(task, worker_end, parent)
        except OSError as error:
            self.channel.close()
            raise WorkerStartError(error) from error
        finally:
            worker_end.close()
        self.channel.setblocking(False)

    def read_lines(self) -> list[bytes] | None:
        """The complete lines received since, without waiting; None: the worker closed its end."""
        try:
            data = self.channel.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self._unread = (self._unread + data).split(b"\n")
        return lines

    def send_stop(self, why: str) -> None:
        """Stop its run as `Engine.stop` does; the outcomes of the hosts cut off still come."""
        with suppress(OSError):  # it has just exited
            self.channel.send(f"{why}\n".encode())

    def kill(self) -> None:
        """Kill it now, even while it is stopped."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> str:
        """Reap a worker that closed its channel or was killed; returns how it ended, in words."""
        self.channel.close()
        self.kill()  # without its channel it has nothing left to do
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"

"""A worker's process, seen from the process that started it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...core.errors import SockfleetError
from ..runtime.signals import block_stop_signals
from .worker import WorkerTask, run_worker

__all__ = ["WorkerProcess", "WorkerStartError", "has_threads"]

_READ_BYTES = 1 << 18


def has_threads() -> bool:
    """Whether this process has threads beside the one that calls; then it must not fork.

    A child has the other threads' locks as they were, and nobody to release them.
    """
    if threading.active_count() > 1:
        return True
    tasks = Path("/proc/self/task")  # of libraries that start theirs without Python
    return tasks.exists() and len(list(tasks.iterdir())) > 1


class WorkerStartError(SockfleetError):
    """The system has no further process, descriptor or memory for a worker."""

    exit_code = 5

    def __init__(self, error: OSError) -> None:
        self.reason = error.strerror
        super().__init__(f"cannot start a worker process: {self.reason}")


class WorkerProcess:
    """Starts a worker; ``others`` are those alive, whose channels the new one must not hold open.

    Raises WorkerStartError.
    """

    def __init__(self, task: WorkerTask, others: Iterable[WorkerProcess]) -> None:
        self._unread = b""
        parent = os.getpid()
        try:
            self.channel, theirs = socket.socketpair()
        except OSError as error:
            raise WorkerStartError(error) from error
        try:
            with block_stop_signals():  # until the child has installed its handlers
                self.pid = os.fork()
                if self.pid == 0:
                    for each in (self, *others):
                        each.channel.close()
                    run_worker(task, theirs, parent)
        except OSError as error:
            self.channel.close()
            raise WorkerStartError(error) from error
        finally:
            theirs.close()
        self.channel.setblocking(False)

    def lines(self) -> list[bytes] | None:
        """The whole lines that have come since, without waiting; None: there will be no more."""
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

    def tell_to_stop(self, why: str) -> None:
        """End its shard as `Engine.stop` does; it tells what was cut off."""
        with suppress(OSError):  # it has just ended
            self.channel.send(f"{why}\n".encode())

    def kill(self) -> None:
        """End it now, even where it is stopped."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def buried(self) -> str:
        """Let go of a worker that has closed its channel or was killed; how it ended, in words."""
        self.channel.close()
        self.kill()  # with its channel closed there is nothing it could still do
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"

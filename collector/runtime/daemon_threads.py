"""Run blocking functions on daemon threads, which never delay the exit of the program.

asyncio joins the threads of its own pool at exit, so one hanging name lookup or prompt there would
keep the program alive after Ctrl-C.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["DaemonThreads"]

T = TypeVar("T")


class DaemonThreads:
    """A pool of at most ``most`` daemon threads, started on demand. Belongs to one event loop."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0
        self._unfinished = 0
        self._is_closed = False

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``work`` on one of the threads; it cannot be interrupted."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def deliver(result: T | None, error: BaseException | None) -> None:
            self._unfinished -= 1
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # no error: it is a T

        def job() -> None:
            result, error = None, None
            try:
                result = work()
            except BaseException as raised:  # the future raises it
                error = raised
            try:
                loop.call_soon_threadsafe(deliver, result, error)
            except RuntimeError:  # the loop is closed: nothing awaits the future
                return

        self._unfinished += 1
        self._work.put(job)
        if self._started < min(self._unfinished, self._most):
            self._start_thread()
        return future

    def _start_thread(self) -> None:
        self._started += 1
        threading.Thread(target=self._serve, name=self._name, daemon=True).start()

    def add_thread(self, most: int) -> None:
        """Allow one more thread, up to ``most``, while there is more work than threads."""
        if not self._is_closed and self._started < min(self._unfinished, most):
            self._most = max(self._most, self._started + 1)
            self._start_thread()

    def close(self) -> None:
        """End the idle threads; blocked ones stay until the process exits."""
        self._is_closed = True
        for _ in range(self._started):
            self._work.put(None)
        self._started = 0

    def _serve(self) -> None:
        while (job := self._work.get()) is not None:
            job()

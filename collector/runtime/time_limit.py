"""A limit on the time that something may take, which can be stopped in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, cast

__all__ = ["TimeLimit"]


class TimeLimit:
    """``with`` around what is cancelled after so many seconds; raises TimeoutError then.

    As `asyncio.timeout`, at a third of its cost: each host needs three of them. That the task is
    cancelled by somebody else is passed on (docs.python.org, "Task.uncancel").
    """

    __slots__ = ("_cancelling", "_is_over", "_loop", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> Self:
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._loop = self._task.get_loop()
        self._cancelling = self._task.cancelling()
        self._is_over = False
        self._timer = self._loop.call_later(self._seconds, self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if not self._is_over:
            return
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()

    @property
    def left_s(self) -> float:
        """Seconds left; only while running."""
        return self._timer.when() - self._loop.time()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Time in here does not count."""
        left_s = self.left_s
        self._timer.cancel()
        try:
            yield
        finally:
            if not self._is_over:
                self._timer = self._loop.call_later(left_s, self._end)

"""Run what may block for any time, such as a name lookup, within a time limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

__all__ = ["run_within"]

T = TypeVar("T")


def run_within(limit_s: float, name: str, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises.

    It runs on a daemon thread, which cannot be stopped and does not delay the exit of the program.
    Raises TimeoutError at the end of the limit; the thread may go on.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    wait([future], limit_s)
    if not future.done():
        raise TimeoutError(f"not done in {limit_s:g} s")
    return future.result()

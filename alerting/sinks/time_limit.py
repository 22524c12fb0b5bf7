"""Run what may block for any time, such as a name lookup, within a time limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

__all__ = ["run_within"]

T = TypeVar("T")


def run_within(limit_s: float, name: str, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises.

    It runs on a daemon thread, which cannot be stopped and does not delay the exit of the program.
    Raises TimeoutError at the end of the limit; the thread may go on.
    """
    results: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as error:
            results.put((None, error))

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        result, error = results.get(timeout=limit_s)
    except Empty:
        raise TimeoutError(f"not done in {limit_s:g} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # no error: it is a T

"""SIGINT, SIGTERM and SIGHUP end a run early; a second one kills the process as usual."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["heed_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _told_of_signals(stop: Callable[[str], None]) -> Iterator[list[int]]:
    """The signals that came; each is told to ``stop`` once, a second one ends the process."""
    signals: list[int] = []

    def told(number: int, _frame: object) -> None:
        which = signal.Signals(number)
        signals.append(which)
        signal.signal(which, before[which])
        stop(which.name)

    before = {number: signal.getsignal(number) for number in _heeded()}
    try:
        for number in before:
            signal.signal(number, told)
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heed_signals(stop: Callable[[str], None], signals: list[int]) -> None:
    """From now on the running event loop tells the signals that come, as `_told_of_signals`."""
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        signals.append(number)
        loop.remove_signal_handler(number)
        stop(number.name)

    for number in _heeded():
        loop.add_signal_handler(number, told, number)


def _heeded() -> list[signal.Signals]:
    """The signals that end a run; nohup keeps what it ignores."""
    return [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

"""SIGINT, SIGTERM and SIGHUP end a run early; a second one kills the process as usual."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["catch_signals", "stop_on_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def catch_signals(stop: Callable[[str], None]) -> Iterator[list[int]]:
    """Yield the signals that arrive; ``stop`` gets each once, a second one ends the process."""
    signals: list[int] = []

    def handle(number: int, _frame: object) -> None:
        which = signal.Signals(number)
        signals.append(which)
        signal.signal(which, before[which])
        stop(which.name)

    before = {number: signal.getsignal(number) for number in _handled_signals()}
    try:
        for number in before:
            signal.signal(number, handle)
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_on_signals(stop: Callable[[str], None], signals: list[int]) -> None:
    """Make the running event loop call ``stop`` once for each signal, as `catch_signals` does."""
    loop = asyncio.get_running_loop()

    def handle(number: signal.Signals) -> None:
        signals.append(number)
        loop.remove_signal_handler(number)
        stop(number.name)

    for number in _handled_signals():
        loop.add_signal_handler(number, handle, number)


def _handled_signals() -> list[signal.Signals]:
    """The signals that end a run; one that nohup made the process ignore stays ignored."""
    return [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

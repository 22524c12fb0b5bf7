"""The signals that end a run: SIGINT, SIGTERM and SIGHUP, and how a process handles them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["STOP_SIGNALS", "StopSignals", "block_stop_signals", "replace_handlers"]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a terminal or a service manager sends to every process of a run."""

Handler = Callable[[int, FrameType | None], Any]


class StopSignals:
    """Stops a run at the first signal; a second one of the same kind ends the process as usual.

    Calling it gives the context in which it does.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        """The signals that arrived, in their order."""

    @contextmanager
    def __call__(self, stop: Callable[[str], None]) -> Iterator[None]:
        """Call ``stop`` with the name of each signal, once, until the context ends.

        Where an event loop runs in this thread, ``stop`` is called by the loop. A signal that
        nohup made the process ignore stays ignored.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            with self._handle_in_main_thread(stop):
                yield
        else:
            with self._handle_in_loop(loop, stop):
                yield

    @contextmanager
    def _handle_in_loop(
        self, loop: asyncio.AbstractEventLoop, stop: Callable[[str], None]
    ) -> Iterator[None]:
        def handle(which: signal.Signals) -> None:
            self.received.append(which)
            loop.remove_signal_handler(which)
            stop(which.name)

        handled = _handled_signals()
        for which in handled:
            loop.add_signal_handler(which, handle, which)
        try:
            yield
        finally:
            for which in handled:
                loop.remove_signal_handler(which)

    @contextmanager
    def _handle_in_main_thread(self, stop: Callable[[str], None]) -> Iterator[None]:
        def handle(number: int, _frame: object) -> None:
            which = signal.Signals(number)
            self.received.append(which)
            signal.signal(which, before[which])
            stop(which.name)

        with replace_handlers(_handled_signals(), handle) as before:
            yield


@contextmanager
def replace_handlers(
    numbers: Collection[int], handler: Handler
) -> Iterator[Mapping[int, Handler | int | None]]:
    """Let ``handler`` handle these signals within the block; yields the handlers before."""
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            signal.signal(number, handler)
        yield before
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def block_stop_signals() -> Iterator[None]:
    """Block the stop signals in this thread; child processes inherit the mask (signal(7))."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handled_signals() -> list[signal.Signals]:
    """The stop signals without those that nohup made the process ignore."""
    return [which for which in STOP_SIGNALS if signal.getsignal(which) is not signal.SIG_IGN]

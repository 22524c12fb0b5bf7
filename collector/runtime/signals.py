"""SIGINT, SIGTERM and SIGHUP end a run early; a second one kills the process as usual."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["StopSignals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Stops a run on the first signal; calling it gives the context in which it does."""

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

        before = {which: signal.getsignal(which) for which in _handled_signals()}
        try:
            for which in before:
                signal.signal(which, handle)
            yield
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)


def _handled_signals() -> list[signal.Signals]:
    return [which for which in _SIGNALS if signal.getsignal(which) is not signal.SIG_IGN]

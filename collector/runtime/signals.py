"""How a scan handles the signals that end a run: SIGINT, SIGTERM and SIGHUP."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from ...core.stop_signals import STOP_SIGNALS, usual_handler
from ...core.stop_signals import received as received_before

__all__ = [
    "STOP_SIGNALS",
    "StopSignals",
    "block_stop_signals",
    "handled_signals",
    "replace_handlers",
]

Handler = Callable[[int, FrameType | None], object]


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
        nohup made the process ignore stays ignored. A signal that was recorded before, and whose
        exception was lost, stops the run too.
        """
        handled = handled_signals()
        before = {number: signal.getsignal(number) for number in handled}
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = None

        def handle(number: int, _frame: object) -> None:
            # Recorded here: the loop may end before it runs a callback.
            which = signal.Signals(number)
            self.received.append(which)
            signal.signal(which, usual_handler(which, before[which]))
            if loop is None:
                stop(which.name)
            else:
                loop.call_soon_threadsafe(stop, which.name)

        with replace_handlers(handled, handle):
            for which in received_before:
                self.received.append(which)
                stop(which.name)
            yield


@contextmanager
def replace_handlers(numbers: Collection[int], handler: Handler) -> Iterator[None]:
    """Let ``handler`` handle these signals within the block."""
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            signal.signal(number, handler)
        yield
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


def handled_signals() -> list[signal.Signals]:
    """Return the stop signals without those that nohup made the process ignore."""
    return [which for which in STOP_SIGNALS if signal.getsignal(which) is not signal.SIG_IGN]

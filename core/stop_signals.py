"""The signals that end a run, and their handler outside of a scan, which has its own.

It imports little, as everything else is imported once the handler is set. The handler raises: files
that are being written are removed on the way out. An exception that is raised in a callback of the
import machinery or in a ``__del__`` is printed and lost (sys.unraisablehook), so the handler also
records the signal, and ends the process at once during an import, when there is nothing to remove.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from .exit_codes import code_for_signal

__all__ = [
    "STOP_SIGNALS",
    "Interrupted",
    "exit_at_stop_signals",
    "handle_stop_signals",
    "received",
    "usual_handler",
]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a terminal or a service manager sends to every process of a run."""

received: list[signal.Signals] = []
"""The signals that `handle_stop_signals` recorded, in their order."""

_IMPORT = "<frozen importlib._bootstrap"

Handler = Callable[[int, FrameType | None], object]


class Interrupted(KeyboardInterrupt):
    """A stop signal arrived outside of a scan. asyncio stops the event loop at this base class."""


def handle_stop_signals() -> None:
    """Raise `Interrupted` at each stop signal that nohup does not make the process ignore."""
    for which in STOP_SIGNALS:
        if signal.getsignal(which) is not signal.SIG_IGN:
            signal.signal(which, _interrupt)


def exit_at_stop_signals() -> None:
    """Exit at once at each stop signal from now on: the command has done all its work.

    An exception raised while the interpreter ends would be printed as a traceback.
    """
    for which in STOP_SIGNALS:
        if signal.getsignal(which) is _interrupt:
            signal.signal(which, _exit)


def usual_handler(number: int, handler: Handler | int | None) -> Handler | int | None:
    """Return the system's own action in place of the handler of `handle_stop_signals`."""
    if handler is not _interrupt:
        return handler
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL


def _interrupt(number: int, frame: FrameType | None) -> None:
    received.append(signal.Signals(number))
    if _is_importing(frame):
        _exit(number, frame)
    raise Interrupted


def _exit(number: int, _frame: FrameType | None) -> None:
    os._exit(code_for_signal(number))


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORT):
            return True
        frame = frame.f_back
    return False

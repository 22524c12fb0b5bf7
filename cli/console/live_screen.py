"""A screen that is drawn in place, as `top` has one: the terminal's second screen.

Nothing that is drawn there stays in the scrollback. The terminal is put back at any end that a
process can see: the end of the context, a signal, an exception.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

__all__ = ["LiveScreen", "can_draw"]

# The names are those of terminfo(5) or of xterm's control sequences (ctlseqs).
_HOME = b"\x1b[H"
_CLEAR = _HOME + b"\x1b[2J"
_ENTER = b"\x1b[?1049h\x1b[?25l" + _CLEAR  # smcup, civis
_LEAVE = _CLEAR + b"\x1b[?25h\x1b[?1049l"  # cnorm, rmcup
_END_OF_LINE = b"\x1b[K"
_END_OF_SCREEN = b"\x1b[J"

Draw = Callable[[int, int], bytes]
"""Returns the lines of the screen for these columns and lines, with at most so many lines."""


def can_draw() -> bool:
    """Whether standard output is a terminal with a second screen, and ours to draw on."""
    if sys.stdout is None or not sys.stdout.isatty() or os.environ.get("TERM") in (None, "dumb"):
        return False
    with suppress(OSError):
        return os.tcgetpgrp(sys.stdout.fileno()) == os.getpgrp()
    return False  # another terminal than that of this session


class LiveScreen:
    """A context manager that takes the terminal and gives it back.

    ``draw`` gives what is shown; `update` draws it again, and so does another size of the terminal.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._out = sys.stdout.fileno()
        self._keyboard = self._find_keyboard()
        self._keyboard_mode: list[Any] | None = None
        self._is_open = False
        self._size = (0, 0)

    @property
    def has_keyboard(self) -> bool:
        """Whether keys reach the program: standard input is the same terminal."""
        return self._keyboard is not None

    def __enter__(self) -> Self:
        atexit.register(self._leave)
        self._enter()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leave()
        atexit.unregister(self._leave)

    def update(self) -> None:
        """Draw the screen. Raises BrokenPipeError where the terminal is gone."""
        if not self._is_open:
            return
        size = shutil.get_terminal_size()
        # Some terminals keep what another size left, or wrap it anew.
        begin = _HOME if size == self._size else _CLEAR
        self._size = size
        shown = self._draw(size.columns, size.lines).rstrip(b"\n").split(b"\n")
        end = _END_OF_LINE + b"\n"
        self._write(begin + end.join(shown) + _END_OF_LINE + _END_OF_SCREEN)

    @contextmanager
    def attend(self, on_key: Callable[[str], None]) -> Iterator[None]:
        """Within the running event loop: hand on keys, follow the terminal's size, allow Ctrl-Z."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._update_if_possible)
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        loop.add_signal_handler(signal.SIGQUIT, self._quit)
        keyboard = self._keyboard

        def read_keys() -> None:
            try:
                keys = os.read(keyboard or 0, 64)
            except OSError:
                keys = b""
            if not keys:  # the terminal is gone
                loop.remove_reader(keyboard or 0)
            for key in keys.decode("utf-8", "replace"):
                on_key(key)

        if keyboard is not None:
            loop.add_reader(keyboard, read_keys)
        try:
            yield
        finally:
            if keyboard is not None:
                loop.remove_reader(keyboard)
            loop.remove_signal_handler(signal.SIGWINCH)
            loop.remove_signal_handler(signal.SIGTSTP)
            loop.remove_signal_handler(signal.SIGQUIT)

    def _enter(self) -> None:
        if self._keyboard is not None:
            with suppress(termios.error):
                self._keyboard_mode = termios.tcgetattr(self._keyboard)
                tty.setcbreak(self._keyboard)  # keys without Enter and echo; Ctrl-C still works
        self._is_open = True
        self._write(_ENTER)

    def _leave(self) -> None:
        """Put the terminal back; a terminal that is gone needs nothing."""
        if not self._is_open:
            return
        self._is_open = False
        with suppress(OSError):
            self._write(_LEAVE)
        if self._keyboard is not None and self._keyboard_mode is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._keyboard_mode)

    def _suspend(self) -> None:
        """Stop at Ctrl-Z as every program does, with the terminal as the shell left it."""
        self._leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()
        self._update_if_possible()

    def _quit(self) -> None:
        r"""End at Ctrl-\ as every program does."""
        self._leave()
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGQUIT)

    def _update_if_possible(self) -> None:
        with suppress(OSError):
            self.update()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._out, rest) :]
            except OSError as error:
                self._is_open = False
                raise BrokenPipeError(error.errno, os.strerror(error.errno or 0)) from error

    @staticmethod
    def _find_keyboard() -> int | None:
        with suppress(OSError, ValueError, AttributeError):
            keyboard = sys.stdin.fileno()
            if os.isatty(keyboard) and os.tcgetpgrp(keyboard) == os.getpgrp():
                return keyboard
        return None

"""The standard streams: results go to stdout, messages to stderr. Light, as `--help` imports it."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click

from ...core.errors import SockfleetError
from ...core.exit_codes import Exit
from ...core.text import escape_lines

__all__ = [
    "StdoutError",
    "hold",
    "log_library_warnings",
    "open_missing_streams",
    "warn",
    "warn_all",
    "write",
]

_MOST_HELD = 100


class StdoutError(SockfleetError):
    """Standard output took no more: a full disk behind it, a closed descriptor."""

    exit_code = Exit.LOCAL


def open_missing_streams() -> None:
    """Open /dev/null in place of standard streams that the caller closed (``>&-``).

    Otherwise the first sockets and files get their numbers: messages would be written to them, and
    uvloop aborts the process when it closes one of the three (uv__close() of libuv's unix/core.c).
    `write` still reports that standard output is closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def log_library_warnings() -> None:
    """Send the warnings of libraries (`warnings.warn`) to the log, where -v shows them.

    Python writes them to stderr, which makes a mail of every cron job: cryptography 50 warns at a
    finite-field Diffie-Hellman key exchange, which the server chose.
    """
    warnings.showwarning = _log_warning


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del file, line
    import logging

    # The name that logging.captureWarnings() uses, which logs them as warnings.
    logging.getLogger("py.warnings").info(
        "%s:%d: %s: %s", filename, lineno, category.__name__, message
    )


def write(data: bytes) -> None:
    """Write bytes to standard output and flush them.

    Raises BrokenPipeError when the reader closed the pipe, StdoutError for anything else.
    """
    if sys.stdout is None:
        raise StdoutError("cannot write to standard output: it is closed")
    rest = memoryview(data)
    try:
        # PYTHONUNBUFFERED makes it a raw stream, whose write takes what the system takes: a part of
        # it where a full pipe meets an interruption (write(2)), nothing where it may not wait.
        while rest:
            taken = sys.stdout.buffer.write(rest)
            if taken is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            rest = rest[taken:]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _discard_stdout()
        raise
    except OSError as error:
        _discard_stdout()
        raise StdoutError(f"cannot write to standard output: {error.strerror or error}") from error
    except (ValueError, AttributeError) as error:
        raise StdoutError(f"cannot write to standard output: {error}") from error


def _discard_stdout() -> None:
    """Discard what is still buffered: Python would try again at exit, and end with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: str) -> None:
    """Write one message to stderr; a stderr that is closed or full does not end the run.

    Control characters other than newlines are escaped: no quoted text steers a terminal.
    """
    line = f"sockfleet: {escape_lines(text)}"
    if _holders and sys.stderr.isatty():
        _holders[-1](line)
        return
    try:
        click.echo(line, err=True)
    except OSError:
        return


_holders: list[Callable[[str], None]] = []


@contextmanager
def hold(messages: list[str]) -> Iterator[None]:
    """Collect messages for a terminal whose screen is drawn on; write them at the end.

    Each is kept once, and the last hundred of them: a repeated scan may run for months.
    """

    def keep(line: str) -> None:
        if line in messages:
            messages.remove(line)
        messages.append(line)
        del messages[:-_MOST_HELD]

    _holders.append(keep)
    try:
        yield
    finally:
        _holders.remove(keep)
        with suppress(OSError):
            for line in messages:
                click.echo(line, err=True)


def warn_all(texts: Iterable[str], *, quiet: bool) -> None:
    """Write warnings, unless ``quiet``."""
    if not quiet:
        for text in texts:
            warn(f"warning: {text}")

"""Failures of this machine that may arise anywhere: no memory, no thread, no working folder."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

__all__ = ["describe_local_failure", "describe_shortage", "exit_at_once"]

_NO_MEMORY = "no memory left for this process (ulimit -v, or the limit of its control group)"
# The dynamic loader's words where it cannot map a library (elf/dl-map-segments.h of glibc).
_LOADER = ("failed to map segment", "cannot allocate memory", "cannot create shared object")


def describe_local_failure(error: BaseException) -> str | None:
    """Return a message for the user, or None where the error is no failure of this machine."""
    shortage = describe_shortage(error)
    if shortage is not None:
        return shortage
    if isinstance(error, FileNotFoundError) and _has_no_working_folder():
        return "the working folder no longer exists: change to another one"
    if isinstance(error, OSError):
        return _describe_system_error(error)
    return None


def describe_shortage(error: BaseException) -> str | None:
    """Return a message for a lack of memory or threads; None for any other error."""
    text = str(error)
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return _NO_MEMORY
    if isinstance(error, ImportError) and any(words in text.lower() for words in _LOADER):
        return _NO_MEMORY
    if isinstance(error, RuntimeError) and text == "can't start new thread":
        return "the system allows this process no further thread (ulimit -u, ulimit -v)"
    return None


def exit_at_once(code: int) -> NoReturn:
    """End the process with what it has written, and without finalizing its objects.

    Without memory the interpreter prints a line for each object that it cannot finalize.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _describe_system_error(error: OSError) -> str:
    """The system's words, without Python's ``[Errno 28]``."""
    if error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _has_no_working_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False

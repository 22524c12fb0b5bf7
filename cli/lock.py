"""``--lock FILE``: one run at a time, so that a slow fleet never piles runs up from cron.

flock(2) on a descriptor that no child inherits, a forked worker neither: the lock ends with the
process, however that ends, and what is left of the file means nothing. The file is never written
to, so a wrong name harms nothing; who holds it is known from /proc/locks.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import SockfleetError, UsageError
from ..core.exit_codes import Exit

__all__ = ["LockHeldError", "run_lock"]

_LOCKS = Path("/proc/locks")
# proc_locks(5): "1: FLOCK  ADVISORY  WRITE 2304 fe:01:1442 0 EOF"
_FLOCK = re.compile(r"^\d+: FLOCK +\w+ +\w+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)


_held = set[int]()


def _leave_to_the_parent() -> None:
    """A child's copy of the descriptor would hold the lock as well as the parent's does."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_leave_to_the_parent)


class LockHeldError(SockfleetError):
    """Another run is under way; this one did nothing."""

    exit_code = Exit.LOCKED


@contextmanager
def run_lock(path: str | None) -> Iterator[None]:
    """Hold the lock while the block runs; None: no lock is wanted.

    Does not wait. Raises LockHeldError where another process holds it, and UsageError where the
    file cannot be opened or locked at all.
    """
    if path is None:
        yield
        return
    descriptor = _opened(path)
    _held.add(descriptor)
    try:
        _take(descriptor, path)
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error


def _take(descriptor: int, path: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = _holder(os.fstat(descriptor))
        by = "" if pid is None else f" (process {pid})"
        raise LockHeldError(f"--lock {path}: another run holds it{by}; nothing was done") from error
    except OSError as error:
        raise _unusable(path, error) from error


def _holder(file: os.stat_result) -> int | None:
    """The process that took the lock; None where the system does not tell.

    /proc/locks numbers the device of the file system, which is not what stat(2) shows on btrfs and
    the like, and shows no process of another PID namespace.
    """
    try:
        text = _LOCKS.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    here = (os.major(file.st_dev), os.minor(file.st_dev), file.st_ino)
    for pid, major, minor, inode in _FLOCK.findall(text):
        if (int(major, 16), int(minor, 16), int(inode)) == here and int(pid):
            return int(pid)
    return None


def _unusable(path: str, error: OSError) -> UsageError:
    return UsageError(f"--lock {path}: {error.strerror or error}")

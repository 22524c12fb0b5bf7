"""``--lock FILE``: one run at a time, so that a slow fleet never piles runs up from cron.

flock(2) on a descriptor that no child process inherits, not even a forked worker: the lock ends
with the process, however it ends, and a file that remains means nothing. The file is never
written to, so a wrong name does no harm; /proc/locks names the process that holds the lock.
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
from ..core.folder_owner import open_for_folder_owner
from ..core.lazy_pattern import lazy_pattern

__all__ = ["LockHeldError", "run_lock"]

_LOCKS = Path("/proc/locks")
# proc_locks(5): "1: FLOCK  ADVISORY  WRITE 2304 fe:01:1442 0 EOF"
_FLOCK = lazy_pattern(r"^\d+: FLOCK +\w+ +\w+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)


_held = set[int]()


def _close_in_child() -> None:
    """Close the child's copy of the descriptor, which would keep the lock after the parent."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_close_in_child)


class LockHeldError(SockfleetError):
    """Another run holds the lock; this one did nothing."""

    exit_code = Exit.LOCKED


@contextmanager
def run_lock(path: str | None) -> Iterator[None]:
    """Hold the lock while the block runs; without a path, run it without one.

    Does not wait. Raises LockHeldError where another process holds it, and UsageError where the
    file cannot be opened or locked at all.
    """
    if path is None:
        yield
        return
    descriptor = _open(path)
    _held.add(descriptor)
    try:
        _lock(descriptor, path)
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def _open(path: str) -> int:
    try:
        return open_for_folder_owner(Path(path))
    except OSError as error:
        raise _usage_error(path, error) from error


def _lock(descriptor: int, path: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = _find_holder(os.fstat(descriptor))
        by = "" if pid is None else f" (process {pid})"
        raise LockHeldError(f"--lock {path}: another run holds it{by}; nothing was done") from error
    except OSError as error:
        raise _usage_error(path, error) from error


def _find_holder(file: os.stat_result) -> int | None:
    """The process that holds the lock; None where the system does not show it.

    /proc/locks numbers the device of the file system, which is not what stat(2) shows on btrfs and
    the like, and shows no process of another PID namespace.
    """
    try:
        text = _LOCKS.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    here = (os.major(file.st_dev), os.minor(file.st_dev), file.st_ino)
    for pid, major, minor, inode in _FLOCK().findall(text):
        if (int(major, 16), int(minor, 16), int(inode)) == here and int(pid):
            return int(pid)
    return None


def _usage_error(path: str, error: OSError) -> UsageError:
    return UsageError(f"--lock {path}: {error.strerror or error}")

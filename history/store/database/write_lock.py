"""One writer at a time in the file of a store.

SQLite's own locks would serialize writers, but its versions 3.7.0 to 3.51.2 can damage a database
in WAL mode when two connections write and checkpoint at the same moment
(https://www.sqlite.org/wal.html, "the WAL-reset bug"). flock(2) on a file of its own keeps our
writers apart; readers never wait.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ....core.folder_owner import open_for_folder_owner
from ...errors import StoreBusyError

__all__ = ["write_lock"]

_PAUSE_S = 0.02
# What flock(2) gives where a file system has no locks: SQLite's own serve there.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


@contextmanager
def write_lock(store: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock of the store during the block.

    Raises StoreBusyError where another process holds it for longer than ``timeout_s``, and OSError
    where the lock's file cannot be opened.
    """
    path = store.with_name(f"{store.name}-lock")
    descriptor = open_for_folder_owner(path)
    try:
        _wait(descriptor, store, timeout_s)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, store: Path, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= end:
                raise StoreBusyError(
                    f"the store {store}: another process has been writing to it for more than "
                    f"{timeout_s:g} s; try again"
                ) from error
            time.sleep(_PAUSE_S)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return
        else:
            return

"""Files that are whole: whatever ends the process, a reader finds the old content or the new one.

A temporary file in the same folder, synced, then renamed (rename(2) is atomic; the sync before it
keeps a power loss from leaving a name without content). While it is written the temporary is
locked, so that one without a lock is a leftover of a run that was killed: the next run removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ..core.errors import SockfleetError
from ..core.exit_codes import Exit

__all__ = ["WriteError", "is_special", "replace_whole"]

_PREFIX, _SUFFIX = ".sockfleet-", ".tmp"
_TRIES = 100


class WriteError(SockfleetError):
    """A result could not be written; what stood there before is untouched."""

    exit_code = Exit.LOCAL

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}")


def replace_whole(path: Path, data: bytes, *, new_mode: int, mode: int | None = None) -> None:
    """Give ``path`` the new content in one step.

    A new file gets ``new_mode``; one that was there keeps its mode, and its owner and group where
    the process may give them. ``mode`` overrules both. A link is followed; a device or FIFO is
    written to and stays what it is. Raises WriteError.
    """
    try:
        if is_special(path):
            with path.open("wb") as stream:
                stream.write(data)
            return
        _replace(path.resolve(), data, new_mode, mode)
    except OSError as error:
        raise WriteError(path, error) from error


def is_special(path: Path) -> bool:
    """Something that is there and is neither a file nor a folder: a device, a FIFO, a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(target: Path, data: bytes, new_mode: int, mode: int | None) -> None:
    old = target.stat() if target.exists() else None
    _remove_leftovers(target.parent)
    descriptor, name = _temporary(target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if old is not None:
                new_mode = _take_over(descriptor, old)
            os.fchmod(descriptor, new_mode if mode is None else mode)
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
            Path(name).replace(target)  # before the lock ends with the descriptor
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(target.parent)


def _temporary(folder: Path) -> tuple[int, str]:
    """A new file that only its owner can read, and its path; locked where the file system can."""
    for _ in range(_TRIES):
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
        # Another run may have taken it for a leftover before it was locked.
        if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)
    raise FileExistsError(errno.EEXIST, "no temporary file could be kept", str(folder))


def _lock(descriptor: int) -> bool | None:
    """Whether the lock was got; None where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_leftovers(folder: Path) -> None:
    """Remove our user's temporary files that no process writes any more."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    _remove_leftover(entry.path)


def _remove_leftover(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if ours and _lock(descriptor):
            Path(path).unlink()
    finally:
        os.close(descriptor)


def _take_over(descriptor: int, old: os.stat_result) -> int:
    """Give the file the owner and group of the old one; returns the old mode, as far as it fits.

    Where the group cannot be given, the group's rights would be another group's.
    """
    mode = stat.S_IMODE(old.st_mode)
    with suppress(PermissionError):
        os.fchown(descriptor, -1, old.st_gid)
        os.fchown(descriptor, old.st_uid, -1)
    return mode if os.fstat(descriptor).st_gid == old.st_gid else mode & ~stat.S_IRWXG


def _sync_folder(folder: Path) -> None:
    """The rename itself must reach the disk too; some file systems do not sync folders."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)

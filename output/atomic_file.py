"""Replace files atomically, even if the process is killed.

The content goes to a temporary file in the same folder, which is synced, then renamed (rename(2)
is atomic; without the sync a power loss could leave an empty file). The temporary file is locked
while it is written: one without a lock is a leftover of a killed run, and the next run removes it.
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
    """A result could not be written; the old content of the file is unchanged."""

    exit_code = Exit.LOCAL

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}")


def replace_whole(path: Path, data: bytes, *, new_mode: int, mode: int | None = None) -> None:
    """Replace the content of ``path`` atomically.

    A new file gets ``new_mode``; an existing one keeps its mode, and its owner and group where the
    process may set them. ``mode`` overrules both. A link is followed; a device or FIFO is written
    to, not replaced. Raises WriteError.
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
    """Whether the path exists and is neither a file nor a folder: a device, a FIFO, a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(target: Path, data: bytes, new_mode: int, mode: int | None) -> None:
    old = target.stat() if target.exists() else None
    _remove_leftovers(target.parent)
    descriptor, name = _create_temporary(target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if old is not None:
                new_mode = _copy_owner(descriptor, old)
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


def _create_temporary(folder: Path) -> tuple[int, str]:
    """Create a file that only its owner can read, locked if the file system has locks."""
    for _ in range(_TRIES):
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
        # Another run may have removed it as a leftover before it was locked.
        if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)
    raise FileExistsError(errno.EEXIST, "no temporary file could be kept", str(folder))


def _lock(descriptor: int) -> bool | None:
    """Lock the file; False where another process holds the lock, None without locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_leftovers(folder: Path) -> None:
    """Remove this user's temporary files that no process is writing."""
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


def _copy_owner(descriptor: int, old: os.stat_result) -> int:
    """Copy the owner and group of the old file; return its mode.

    The mode lacks the group's rights where the group could not be set: another group would get
    them.
    """
    mode = stat.S_IMODE(old.st_mode)
    with suppress(PermissionError):
        os.fchown(descriptor, -1, old.st_gid)
        os.fchown(descriptor, old.st_uid, -1)
    return mode if os.fstat(descriptor).st_gid == old.st_gid else mode & ~stat.S_IRWXG


def _sync_folder(folder: Path) -> None:
    """Sync the rename to disk; some file systems do not sync folders."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)

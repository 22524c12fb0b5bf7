"""Replace files atomically, even if the process is killed.

The content goes to a temporary file in the same folder, which is synced, then renamed (rename(2)
is atomic; without the sync a power loss could leave an empty file). The temporary file is locked
while it is written: one without a lock is a leftover of a killed run, and the next run removes it.

In a folder that everybody can write to, such as /tmp, another user can put a link, a FIFO or a
readable file in the place of an output. Those are neither opened for writing nor taken over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..core.errors import SockfleetError
from ..core.exit_codes import Exit

__all__ = ["WriteError", "find_foreign", "is_special", "replace_whole"]

Content = bytes | Callable[[BinaryIO], None]
"""What a file is to hold, or a function that writes it."""

_PREFIX, _SUFFIX = ".sockfleet-", ".tmp"
_TRIES = 100


class WriteError(SockfleetError):
    """A result could not be written; the old content of the file is unchanged."""

    exit_code = Exit.LOCAL

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}")


def replace_whole(path: Path, data: Content, *, new_mode: int, mode: int | None = None) -> None:
    """Replace the content of ``path`` atomically by bytes, or by what a function writes.

    A new file gets ``new_mode``; an existing one keeps its mode, and its owner and group where the
    process may set them. ``mode`` overrules both. A link is followed; a device or FIFO is written
    to, not replaced. Raises WriteError, also for what `find_foreign` finds and for a FIFO that no
    process reads.
    """
    try:
        if (foreign := find_foreign(path)) is not None:
            raise PermissionError(errno.EPERM, f"it is {foreign}")
        if is_special(path):
            _write_special(path, data)
            return
        _replace(path.resolve(), data, new_mode, mode)
    except OSError as error:
        raise WriteError(path, error) from error


def find_foreign(path: Path) -> str | None:
    """Describe another user's file at ``path``, or where its link leads, in a shared folder.

    None: there is none. Another user is neither this one nor the owner of the folder, as for the
    kernel's fs.protected_symlinks, protected_fifos and protected_regular. These hold for opening,
    not for renaming, and may be off.
    """
    for each in dict.fromkeys((path, path.resolve())):
        try:
            status, folder = each.lstat(), each.parent.stat()
        except OSError:
            continue
        if _is_foreign(status, folder):
            return f"another user's {_kind(status.st_mode)} in a folder of everybody"
    return None


def _is_foreign(status: os.stat_result, folder: os.stat_result) -> bool:
    # Everybody, or a group below the sticky bit, can create files in a shared folder.
    is_sticky_of_group = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWGRP
    is_shared = bool(folder.st_mode & stat.S_IWOTH or is_sticky_of_group)
    return is_shared and status.st_uid not in (os.geteuid(), folder.st_uid)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"
    return "FIFO" if stat.S_ISFIFO(mode) else "file"


def is_special(path: Path) -> bool:
    """Whether the path exists and is neither a file nor a folder: a device, a FIFO, a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _write_content(stream: BinaryIO, data: Content) -> None:
    if callable(data):
        data(stream)
    else:
        stream.write(data)


def _write_special(path: Path, data: Content) -> None:
    """Write to a device or FIFO without waiting for a process that opens the FIFO to read it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():  # open(2)
            raise OSError(errno.ENXIO, "no process reads this FIFO") from error
        raise
    with os.fdopen(descriptor, "wb") as stream:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) or _is_foreign(status, path.resolve().parent.stat()):
            raise PermissionError(errno.EPERM, "another user has just replaced it")
        os.set_blocking(descriptor, True)
        _write_content(stream, data)


def _replace(target: Path, data: Content, new_mode: int, mode: int | None) -> None:
    old = target.stat() if target.exists() else None
    _remove_leftovers(target.parent)
    for _ in range(_TRIES):
        temporary = target.parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        # Named before it exists, so that a signal's exception at any moment removes it.
        try:
            with _open_locked(temporary) as stream:
                if stream is None:
                    continue
                if old is not None:
                    new_mode = _copy_owner(stream.fileno(), old)
                os.fchmod(stream.fileno(), new_mode if mode is None else mode)
                _write_content(stream, data)
                stream.flush()
                os.fsync(stream.fileno())
                temporary.replace(target)  # before the lock ends with the descriptor
            break
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    else:
        raise FileExistsError(errno.EEXIST, "no temporary file could be kept", str(target.parent))
    _sync_folder(target.parent)


@contextmanager
def _open_locked(path: Path) -> Iterator[BinaryIO | None]:
    """Create a file that only its owner can read, locked if the file system has locks.

    None: another run removed it as a leftover before it was locked.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        kept = _lock(stream.fileno()) is not False and os.fstat(stream.fileno()).st_nlink
        yield stream if kept else None


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

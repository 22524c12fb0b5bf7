"""``-o [FORMAT:]FILE``: what goes where, and files that are whole or as they were before."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..inventory.errors import SockfleetError, UsageError
from ..output.formats import Format, format_for_suffix, load_format

__all__ = ["OutputFile", "WriteError", "parse_output", "replace_whole"]

_NEW_FILE_MODE = 0o600  # host names, users and processes: not for everybody on the machine


class WriteError(SockfleetError):
    """A result could not be written; what stood there before is untouched."""

    exit_code = 5

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One ``-o``: a file and the format for it."""

    path: Path
    format: Format


def parse_output(text: str) -> OutputFile:
    """Read ``[FORMAT:]FILE`` and see that the file can be written, before any host is contacted.

    Raises UsageError for an unknown format or suffix, a missing or closed folder, and a folder in
    place of the file.
    """
    prefix, colon, rest = text.partition(":")
    if colon and _is_format(prefix):
        path, chosen = Path(rest), load_format(prefix)
    else:
        path, chosen = Path(text), format_for_suffix(text)
    folder = path.resolve().parent
    if path.is_dir():
        raise UsageError(f"-o {text}: {path} is a folder; name a file in it")
    if not folder.is_dir():
        raise UsageError(f"-o {text}: there is no folder {folder}")
    if not os.access(path if _is_special(path) else folder, os.W_OK):
        raise UsageError(f"-o {text}: no permission to write there")
    return OutputFile(path=path, format=chosen)


def replace_whole(path: Path, data: bytes) -> None:
    """Give ``path`` the new content in one step: a reader sees the old file or the new one.

    A temporary file in the same folder, synced, then renamed. A link is followed, an existing
    file's mode is kept, a device or FIFO is written to and stays what it is. Raises WriteError.
    """
    try:
        if _is_special(path):
            with path.open("wb") as stream:
                stream.write(data)
            return
        target = path.resolve()
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _NEW_FILE_MODE
        _write_and_rename(target, data, mode)
    except OSError as error:
        raise WriteError(path, error) from error


def _write_and_rename(target: Path, data: bytes, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(target.parent)


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


def _is_special(path: Path) -> bool:
    """Something that is there and is neither a file nor a folder: a device, a FIFO, a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _is_format(name: str) -> bool:
    try:
        load_format(name)
    except UsageError:
        return False
    return True

"""accept-new, as OpenSSH's ``StrictHostKeyChecking=accept-new``, safe for concurrent writers.

The file is locked and its new lines are read before a key is added, so parallel hosts, workers and
scans never damage the file, write a line twice, or accept two different keys for one name.
"""

from __future__ import annotations

import base64
import fcntl
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ....core.lazy_pattern import lazy_pattern
from ..credentials.public_key import blob_key_type
from .known_hosts import KnownHosts, Verdict, known_hosts_name
from .known_hosts_parser import parse_known_hosts

__all__ = ["accept_new", "can_be_written", "host_key_line"]

# Other characters have a meaning in a known_hosts line: list, pattern, marker, hash.
_PLAIN_NAME = lazy_pattern(r"[A-Za-z0-9_.:%-]+")


def host_key_line(name: str, port: int, blob: bytes) -> str:
    """Return the known_hosts line for one key, without a newline."""
    key = base64.b64encode(blob).decode()
    return f"{known_hosts_name(name, port)} {blob_key_type(blob)} {key}"


def can_be_written(name: str) -> bool:
    """Whether a known_hosts line for ``name`` means that name alone."""
    return _PLAIN_NAME().fullmatch(name) is not None


def accept_new(
    known: KnownHosts, file: str, name: str, port: int, blob: bytes
) -> tuple[Verdict, bool]:
    """Add the key of an unknown host to ``known`` and to ``file``, one of its files.

    Returns the verdict that now holds for the key, and whether the file was written. ``trusted``
    without a write: another writer added the key a moment before, or the file is a device
    (/dev/null) and the key is known for this run only. Another verdict: another writer added a
    different key for this name. Raises OSError when the file cannot be written; its content is
    then unchanged. Raises ValueError for a name that known_hosts would read as something else (a
    HostKeyAlias is free text).
    """
    if not can_be_written(name):
        raise ValueError(f"{name!r} is no plain host name")
    line = host_key_line(name, port, blob).encode()
    path = Path(file).expanduser()
    added = False
    if _is_device(path):
        for each in parse_known_hosts(line, file)[0]:
            known.add(each)
        return known.check((name,), port, blob), added
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
    with _open_locked(path) as stream:
        known.read(file)
        if known.check((name,), port, blob) is Verdict.UNKNOWN:
            _append(stream, line + b"\n")
            known.read(file)
            added = True
        return known.check((name,), port, blob), added


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def _open_locked(path: Path) -> Iterator[io.FileIO]:
    """Open the file, created with mode 0600 if missing, and lock it against our other writers.

    `flock` locks the open file, so it also works between threads; `lockf` does not.
    """
    while True:
        with io.FileIO(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "r+"
        ) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _is_still_at(stream, path):
                yield stream
                return


def _is_still_at(stream: io.FileIO, path: Path) -> bool:
    """False if ssh-keygen -R replaced the file before we had the lock."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _append(stream: io.FileIO, line: bytes) -> None:
    """Append the line on a line of its own; on an error the file keeps its old content."""
    size = stream.seek(0, io.SEEK_END)
    if size and os.pread(stream.fileno(), 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        written = stream.write(line)
        while written < len(line):  # a full disk accepts a part and fails at the next write
            written += stream.write(line[written:])
    except OSError:
        stream.truncate(size)
        raise

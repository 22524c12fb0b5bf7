"""accept-new: what OpenSSH's ``StrictHostKeyChecking=accept-new`` does, safe for many at once.

A key is added to the file under a lock, after a look at what others added since it was read, so
that parallel hosts, workers and scans never spoil the file, write a line twice, or accept two
different keys for one name.
"""

from __future__ import annotations

import base64
import fcntl
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..credentials.public_key import blob_key_type
from .known_hosts import KnownHosts, Verdict, known_hosts_name
from .known_hosts_file import parse_known_hosts

__all__ = ["accept_new", "host_key_line"]

# Anything else would mean something in a known_hosts line: a list, a pattern, a marker, a hash.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:%-]+")


def host_key_line(name: str, port: int, blob: bytes) -> str:
    """A known_hosts line for one key, without its newline."""
    key = base64.b64encode(blob).decode()
    return f"{known_hosts_name(name, port)} {blob_key_type(blob)} {key}"


def accept_new(
    known: KnownHosts, file: str, name: str, port: int, blob: bytes
) -> tuple[Verdict, bool]:
    """Make the key of an unknown host known, in ``known`` and in ``file``, one of its files.

    Returns what holds for the key now, and whether the file was written. ``trusted`` without a
    write: someone else added it a moment before, or the file is a device (/dev/null) and the key is
    known for this run only. Anything else: others learned another key for this name meanwhile.
    Raises OSError where the file cannot be written; it is then as it was before, and ValueError for
    a name (HostKeyAlias may be anything) that would not stand for itself there.
    """
    if not _PLAIN_NAME.fullmatch(name):
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
    with _locked(path) as stream:
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
def _locked(path: Path) -> Iterator[io.FileIO]:
    """The file, made with mode 0600 where it is missing, locked against other writers of ours.

    `flock` locks the open file: it holds between threads too, which `lockf` does not.
    """
    while True:
        with io.FileIO(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "r+"
        ) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _stands_at(stream, path):
                yield stream
                return


def _stands_at(stream: io.FileIO, path: Path) -> bool:
    """False where ssh-keygen -R put a new file in its place before we had the lock."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _append(stream: io.FileIO, line: bytes) -> None:
    """All of the line or nothing, on a line of its own."""
    size = stream.seek(0, io.SEEK_END)
    if size and os.pread(stream.fileno(), 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        written = stream.write(line)
        while written < len(line):  # a full disk takes a part, and says so at the next write
            written += stream.write(line[written:])
    except OSError:
        stream.truncate(size)
        raise

"""Parse known_hosts files line by line; `known_hosts` looks hosts up in the lines.

The format is sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Lines that OpenSSH ignores silently (cut
short, of an unknown key type) are ignored here with a note, so a bad line never hides good ones.
"""

from __future__ import annotations

import binascii
import errno
import os
import stat
from enum import StrEnum
from pathlib import Path

from ....core.errors import UsageError
from ....core.record import record
from ..credentials.public_key import blob_key_type

__all__ = [
    "NOTHING_READ",
    "KnownHostsLine",
    "Marker",
    "ReadPosition",
    "parse_known_hosts",
    "read_known_hosts",
]

KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ssh-dss",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
"""Key types that a line may have; OpenSSH ignores lines of other types."""

# Names of signatures by an RSA key; OpenSSH takes them for the key's type (keytypes in sshkey.c).
_RSA_SIGNATURES = frozenset({"rsa-sha2-256", "rsa-sha2-512"})

NOTES_PER_FILE = 3
_SHA1_BYTES = 20
_LONGEST_PATTERN = 1022  # OpenSSH's match_pattern_list() refuses a longer one


class Marker(StrEnum):
    """The role of a line's key."""

    HOST_KEY = ""
    AUTHORITY = "@cert-authority"
    REVOKED = "@revoked"


@record
class KnownHostsLine:
    """One usable line."""

    file: str
    line: int
    """Counted from 1."""
    marker: Marker
    patterns: tuple[bytes, ...]
    """Names and patterns in lower case, with their ``!``; empty if the name is hashed."""
    hashed: tuple[bytes, bytes] | None
    """(salt, HMAC-SHA1 of the name); None if the names are in clear text."""
    key_type: str
    blob: bytes
    """The public key as SSH sends it (RFC 4253, 6.6)."""


@record
class ReadPosition:
    """How far a file was read: bytes and newlines of this inode."""

    inode: int
    size: int
    lines: int


NOTHING_READ = ReadPosition(inode=0, size=0, lines=0)


class _BadLineError(ValueError):
    """Why a line cannot be used; quotes the wrong part."""


def read_known_hosts(file: str, after: ReadPosition = NOTHING_READ) -> tuple[bytes, ReadPosition]:
    """Return the bytes of a file after the position ``after``, and the new position.

    A file that was replaced or truncated since is read from its start. A missing file and a device
    (/dev/null) are empty. Raises UsageError when the file cannot be read, and for a FIFO: it would
    have to be waited for, and can be read once only.
    """
    path = Path(file).expanduser()
    try:
        if stat.S_ISCHR(path.stat().st_mode):
            return b"", NOTHING_READ
        # pathlib's open() takes no opener. O_NONBLOCK: a FIFO without a writer is opened, too.
        with open(path, "rb", opener=_open_at_once) as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISFIFO(status.st_mode):
                raise UsageError(
                    f"known_hosts file {file}: it is a FIFO; name a file with --known-hosts"
                )
            if status.st_ino != after.inode or status.st_size < after.size:
                after = NOTHING_READ
            if after.size:
                stream.seek(after.size)
            data = stream.read()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return b"", NOTHING_READ
        raise UsageError(
            f"known_hosts file {file}: {os.strerror(error.errno or 0)}; "
            "make it readable or name another with --known-hosts"
        ) from error
    return data, ReadPosition(
        inode=status.st_ino, size=after.size + len(data), lines=after.lines + data.count(b"\n")
    )


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def parse_known_hosts(
    data: bytes, file: str, first_line: int = 1
) -> tuple[list[KnownHostsLine], tuple[str, ...]]:
    """Return the usable lines of a file's content, and notes on the others.

    ``first_line`` is the number of the first line of ``data``. Never raises.
    """
    lines: list[KnownHostsLine] = []
    bad: list[str] = []
    for number, row in enumerate(data.split(b"\n"), first_line):
        text = row.strip(b" \t\r")
        if not text or text.startswith(b"#"):
            continue
        try:
            lines.append(_parse_line(text, file, number))
        except _BadLineError as problem:
            bad.append(f"{file}:{number}: {problem}; the line is ignored")
    notes = bad[:NOTES_PER_FILE]
    if len(bad) > NOTES_PER_FILE:
        notes.append(f"{file}: {len(bad) - NOTES_PER_FILE} more lines are ignored")
    return lines, tuple(notes)


def _parse_line(text: bytes, file: str, number: int) -> KnownHostsLine:
    marker, text = _split_marker(text)
    words = text.split(None, 3)
    if len(words) < 3:
        raise _BadLineError("cut short: names, key type and key are expected")
    names, key_type, key = words[0], words[1].decode("ascii", "replace"), words[2]
    if key_type in _RSA_SIGNATURES:
        key_type = "ssh-rsa"
    hashed = _parse_hashed(names) if names.startswith(b"|") else None
    return KnownHostsLine(
        file=file,
        line=number,
        marker=marker,
        patterns=() if hashed else _split_patterns(names),
        hashed=hashed,
        key_type=key_type,
        blob=_decode_key(key_type, key),
    )


def _split_marker(text: bytes) -> tuple[Marker, bytes]:
    if not text.startswith(b"@"):
        return Marker.HOST_KEY, text
    word, *rest = text.split(None, 1)
    try:
        marker = Marker(word.decode("ascii", "replace"))
    except ValueError:
        raise _BadLineError(f"unknown marker {_quote(word)}") from None
    if not rest or rest[0].startswith(b"@"):
        raise _BadLineError(f"one marker and then names are expected after {marker}")
    return marker, rest[0]


def _parse_hashed(names: bytes) -> tuple[bytes, bytes]:
    parts = names.split(b"|")
    if len(parts) == 4 and parts[1] == b"1":
        try:
            salt, digest = (binascii.a2b_base64(part, strict_mode=True) for part in parts[2:])
        except binascii.Error:
            pass
        else:
            if len(salt) == len(digest) == _SHA1_BYTES:
                return salt, digest
    raise _BadLineError(f"{_quote(names)} is not a hashed name, |1|salt|hash")


def _split_patterns(names: bytes) -> tuple[bytes, ...]:
    patterns = tuple(names.lower().split(b","))
    if len(names) > _LONGEST_PATTERN and max(map(len, patterns)) > _LONGEST_PATTERN:
        raise _BadLineError(f"a name of more than {_LONGEST_PATTERN} bytes")
    return patterns


def _decode_key(key_type: str, key: bytes) -> bytes:
    if key_type not in KEY_TYPES:
        raise _BadLineError(f"unknown key type {_quote(key_type.encode())}")
    try:
        blob = binascii.a2b_base64(key, strict_mode=True)
    except binascii.Error:
        raise _BadLineError(f"the {key_type} key is not base64") from None
    if blob_key_type(blob) != key_type:
        raise _BadLineError(f"the line says {key_type}, but the key is of another type")
    return blob


def _quote(word: bytes) -> str:
    shown = word[:40].decode("ascii", "backslashreplace")
    return repr(shown + ("…" if len(word) > 40 else ""))

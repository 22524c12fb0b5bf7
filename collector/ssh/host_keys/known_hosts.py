"""Look up the host keys known for a name, as OpenSSH does, without scanning whole files.

Plain names are keys of a dict. A hashed name can only be found by hashing the wanted name with the
salt of each line, so hashed lines are indexed by their key, and only the lines with the server's
own key are tried, one HMAC each. All hashed lines (about 1 µs each) are tried only when the key is
not found, to distinguish a changed key from an unknown host, and once per name.
"""

from __future__ import annotations

import fnmatch
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from .known_hosts_parser import (
    NOTHING_READ,
    KnownHostsLine,
    Marker,
    ReadPosition,
    parse_known_hosts,
    read_known_hosts,
)

__all__ = ["KnownHosts", "Verdict", "known_hosts_name"]

SSH_PORT = 22
_HASHED_AT_ONCE = 1_000
"""The most hashed lines that `KnownHosts.key_types` tries for a name: about a millisecond."""


class Verdict(StrEnum):
    """The status of a host's key in the files."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    """The files hold no key for this host."""
    CHANGED = "changed"
    """The files hold keys for this host, but not this one."""
    REVOKED = "revoked"


def known_hosts_name(name: str, port: int) -> str:
    """Return a host as known_hosts files write it: ``name``, or ``[name]:port`` if not 22."""
    return name.lower() if port == SSH_PORT else f"[{name.lower()}]:{port}"


class KnownHosts:
    """The lines of several known_hosts files together.

    Names are looked up as ssh does: with the port; if no line has that form, a line for the bare
    name with the same key is accepted too (sshconnect.c, "checking without port identifier"). A
    key revoked for the bare name is revoked at every port, where ssh looks only at the form with
    the port.
    """

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self._lines = {marker: _Lines() for marker in Marker}
        self._read: dict[str, ReadPosition] = {}

    @classmethod
    def load(cls, files: Sequence[str]) -> KnownHosts:
        """Read the files. A missing file is empty; an unusable line becomes a note.

        Raises UsageError for a file that exists and cannot be read.
        """
        known = cls()
        for file in files:
            known.read(file)
        return known

    def read(self, file: str) -> None:
        """Read a file, or the lines added to it since the last call."""
        before = self._read.get(file, NOTHING_READ)
        data, self._read[file] = read_known_hosts(file, before)
        lines, notes = parse_known_hosts(data, file, 1 + self._read[file].lines - data.count(b"\n"))
        self.notes += notes
        for line in lines:
            self.add(line)

    def add(self, line: KnownHostsLine) -> None:
        """Add one line."""
        self._lines[line.marker].add(line)

    def check(self, names: Sequence[str], port: int, blob: bytes) -> Verdict:
        """Return the verdict on the key ``blob`` of a host known by any of ``names``."""
        if self.is_revoked(names, port, blob):
            return Verdict.REVOKED
        keys = self._lines[Marker.HOST_KEY]
        if any(keys.holds_key(name, blob) for name in _forms(names, port)):
            return Verdict.TRUSTED
        if any(keys.find(name) for name in _forms(names, port)):
            return Verdict.CHANGED
        if port != SSH_PORT and any(keys.holds_key(name, blob) for name in _forms(names, SSH_PORT)):
            return Verdict.TRUSTED
        return Verdict.UNKNOWN

    def is_revoked(self, names: Sequence[str], port: int, blob: bytes) -> bool:
        """Whether ``blob``, a host key or an authority's, is revoked for the host."""
        return self._holds_key(Marker.REVOKED, names, port, blob)

    def trusts_authority(self, names: Sequence[str], port: int, blob: bytes) -> bool:
        """Whether ``blob`` is the key of an authority trusted to certify this host's keys."""
        return not self.is_revoked(names, port, blob) and self._holds_key(
            Marker.AUTHORITY, names, port, blob
        )

    def authorities(self, names: Sequence[str], port: int) -> tuple[bytes, ...]:
        """Return the keys of the authorities trusted to certify this host's keys."""
        keys = self._keys(Marker.AUTHORITY, names, port)
        return tuple(blob for blob in keys if not self.is_revoked(names, port, blob))

    def revoked_keys(self, names: Sequence[str], port: int) -> tuple[bytes, ...]:
        """Return every key revoked for the host."""
        return self._keys(Marker.REVOKED, names, port)

    def key_types(self, names: Sequence[str], port: int) -> tuple[str, ...]:
        """Return the types of the keys known for the host, in the order of the files.

        Request these first in the key exchange: another of the server's keys would look changed.
        Hashed lines are tried only if they are few or were tried for this name before. If all have
        one type, that type is returned without a try. So with large files of several types the
        result may be empty until a check of the same name has failed.
        """
        lines = self._lines[Marker.HOST_KEY]
        for form in (_forms(names, port), _forms(names, SSH_PORT)):
            types = {kind: None for name in form for kind in lines.cheap_types(name)}
            if types:
                return tuple(types)
        return tuple(lines.hashed_types) if len(lines.hashed_types) == 1 else ()

    def find_lines(self, names: Sequence[str], port: int) -> tuple[KnownHostsLine, ...]:
        """Return every line with a key of this host; tries all hashed lines, once per name."""
        lines = self._lines[Marker.HOST_KEY]
        return tuple(line for name in _forms(names, port) for line in lines.find(name))

    def _keys(self, marker: Marker, names: Sequence[str], port: int) -> tuple[bytes, ...]:
        lines = self._lines[marker]
        if lines.is_empty:
            return ()
        forms = _all_forms(names, port)
        return tuple(dict.fromkeys(line.blob for name in forms for line in lines.find(name)))

    def _holds_key(self, marker: Marker, names: Sequence[str], port: int, blob: bytes) -> bool:
        lines = self._lines[marker]
        return not lines.is_empty and any(
            lines.holds_key(name, blob) for name in _all_forms(names, port)
        )


class _Lines:
    """The lines with one marker, indexed by name and by key."""

    def __init__(self) -> None:
        self.is_empty = True
        self.hashed_types: dict[str, None] = {}
        self._plain: dict[bytes, list[KnownHostsLine]] = {}
        self._patterns: list[tuple[Callable[[bytes], bool], KnownHostsLine]] = []
        self._hashed: list[tuple[bytes, bytes, KnownHostsLine]] = []
        self._hashed_by_blob: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self._found_hashed: dict[bytes, tuple[KnownHostsLine, ...]] = {}

    def add(self, line: KnownHostsLine) -> None:
        self.is_empty = False
        if line.hashed is not None:
            self._hashed.append((*line.hashed, line))
            self._hashed_by_blob.setdefault(line.blob, []).append(line.hashed)
            self.hashed_types[line.key_type] = None
            self._found_hashed.clear()
        elif any(_is_pattern(pattern) for pattern in line.patterns):
            self._patterns.append((_compile_patterns(line.patterns), line))
        else:
            for name in line.patterns:
                self._plain.setdefault(name, []).append(line)

    def holds_key(self, name: bytes, blob: bytes) -> bool:
        """Whether a line for ``name`` holds the key ``blob``."""
        if any(line.blob == blob for line in self._plain.get(name, ())):
            return True
        hashed = self._hashed_by_blob.get(blob, ())
        if any(_digest(salt, name) == digest for salt, digest in hashed):
            return True
        return any(line.blob == blob and matches(name) for matches, line in self._patterns)

    def find(self, name: bytes) -> list[KnownHostsLine]:
        """Return every line for ``name``."""
        return [*self._find_plain(name), *self._find_hashed(name)]

    def cheap_types(self, name: bytes) -> Iterator[str]:
        """Key types for ``name``, without trying a large number of hashed lines."""
        for line in self._find_plain(name):
            yield line.key_type
        is_small = len(self.hashed_types) > 1 and len(self._hashed) <= _HASHED_AT_ONCE
        if is_small or name in self._found_hashed:
            for line in self._find_hashed(name):
                yield line.key_type

    def _find_plain(self, name: bytes) -> Iterator[KnownHostsLine]:
        yield from self._plain.get(name, ())
        for matches, line in self._patterns:
            if matches(name):
                yield line

    def _find_hashed(self, name: bytes) -> tuple[KnownHostsLine, ...]:
        found = self._found_hashed.get(name)
        if found is None:
            found = tuple(
                line for salt, digest, line in self._hashed if _digest(salt, name) == digest
            )
            self._found_hashed[name] = found
        return found


def _forms(names: Sequence[str], port: int) -> list[bytes]:
    return [known_hosts_name(name, port).encode() for name in names]


def _all_forms(names: Sequence[str], port: int) -> list[bytes]:
    both = _forms(names, port)
    return both if port == SSH_PORT else both + _forms(names, SSH_PORT)


def _digest(salt: bytes, name: bytes) -> bytes:
    return hmac.digest(salt, name, "sha1")


def _is_pattern(text: bytes) -> bool:
    return text.startswith(b"!") or b"*" in text or b"?" in text


def _compile_patterns(patterns: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    wanted = _compile_any(pattern for pattern in patterns if not pattern.startswith(b"!"))
    refused = _compile_any(pattern[1:] for pattern in patterns if pattern.startswith(b"!"))

    def matches(name: bytes) -> bool:
        text = name.decode("latin-1")
        return wanted.match(text) is not None and refused.match(text) is None

    return matches


def _compile_any(patterns: Iterable[bytes]) -> re.Pattern[str]:
    """Compile one expression for several patterns.

    fnmatch's expressions take linear time and differ from ssh's patterns only in brackets.
    """
    parts = [fnmatch.translate(p.decode("latin-1").replace("[", "[[]")) for p in patterns]
    return re.compile("|".join(parts) if parts else r"(?!)")

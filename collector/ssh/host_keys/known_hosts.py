"""Which host keys are known for a name: OpenSSH's look-up, in constant time for a fleet.

Plain names stand in a dict. A hashed name can only be found by trying: so hashed lines are indexed
by their key, and only the lines that hold the server's own key are tried (one HMAC each). A pass
over all hashed lines (about 1 µs a line) is made only where the key is not found, to tell a changed
key from an unknown host, and once per name.
"""

from __future__ import annotations

import fnmatch
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from .known_hosts_file import (
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
"""Hashed lines that `KnownHosts.key_types` goes through beforehand: about a millisecond."""


class Verdict(StrEnum):
    """What the files say of a host and its key."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    """They hold no key for this host."""
    CHANGED = "changed"
    """They hold keys for this host, and this is none of them."""
    REVOKED = "revoked"


def known_hosts_name(name: str, port: int) -> str:
    """A host as known_hosts files write it: ``name``, or ``[name]:port`` off port 22."""
    return name.lower() if port == SSH_PORT else f"[{name.lower()}]:{port}"


class KnownHosts:
    """What several known_hosts files say together; a line of any of them counts.

    Names are looked up as ssh does: with the port, and where no line knows the host so, the key is
    also accepted from a line for the bare name (sshconnect.c, "checking without port identifier").
    A key revoked for the bare name is revoked at every port; there ssh looks only at the form with
    the port.
    """

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self._lines = {marker: _Lines() for marker in Marker}
        self._read: dict[str, ReadPosition] = {}

    @classmethod
    def load(cls, files: Sequence[str]) -> KnownHosts:
        """Read the files; missing ones are as empty, lines that cannot be used become notes.

        Raises UsageError for a file that is there and cannot be read.
        """
        known = cls()
        for file in files:
            known.read(file)
        return known

    def read(self, file: str) -> None:
        """Read a file, or what was added to it since it was last read here."""
        before = self._read.get(file, NOTHING_READ)
        data, self._read[file] = read_known_hosts(file, before)
        lines, notes = parse_known_hosts(data, file, 1 + self._read[file].lines - data.count(b"\n"))
        self.notes += notes
        for line in lines:
            self.add(line)

    def add(self, line: KnownHostsLine) -> None:
        """Take one more line into account."""
        self._lines[line.marker].add(line)

    def check(self, names: Sequence[str], port: int, blob: bytes) -> Verdict:
        """What the files say of the key ``blob`` shown by a host known by any of ``names``."""
        if self.is_revoked(names, port, blob):
            return Verdict.REVOKED
        keys = self._lines[Marker.HOST_KEY]
        if any(keys.hold(name, blob) for name in _exact(names, port)):
            return Verdict.TRUSTED
        if any(keys.find(name) for name in _exact(names, port)):
            return Verdict.CHANGED
        if port != SSH_PORT and any(keys.hold(name, blob) for name in _exact(names, SSH_PORT)):
            return Verdict.TRUSTED
        return Verdict.UNKNOWN

    def is_revoked(self, names: Sequence[str], port: int, blob: bytes) -> bool:
        """Whether ``blob``, a host key or an authority's, is revoked for the host."""
        return self._held(Marker.REVOKED, names, port, blob)

    def trusts_authority(self, names: Sequence[str], port: int, blob: bytes) -> bool:
        """Whether ``blob`` is the key of an authority that may certify this host's keys."""
        return not self.is_revoked(names, port, blob) and self._held(
            Marker.AUTHORITY, names, port, blob
        )

    def authorities(self, names: Sequence[str], port: int) -> tuple[bytes, ...]:
        """The keys of the authorities that may certify this host's keys."""
        lines = self._lines[Marker.AUTHORITY]
        if lines.are_none:
            return ()
        blobs = {line.blob: None for name in _either(names, port) for line in lines.find(name)}
        return tuple(blob for blob in blobs if not self.is_revoked(names, port, blob))

    def revoked(self, names: Sequence[str], port: int) -> tuple[bytes, ...]:
        """Every key revoked for the host."""
        lines = self._lines[Marker.REVOKED]
        if lines.are_none:
            return ()
        blobs = {line.blob: None for name in _either(names, port) for line in lines.find(name)}
        return tuple(blobs)

    def key_types(self, names: Sequence[str], port: int) -> tuple[str, ...]:
        """Types of the keys known for the host, in the order of the files.

        A server should be asked for these first: another of its keys would look changed. Hashed
        lines are gone through here only where they are few, or were gone through already; where
        all of them are of one type, that type is given without looking. So for large files of
        several types the answer may be empty until a check of the same name has failed.
        """
        lines = self._lines[Marker.HOST_KEY]
        for form in (_exact(names, port), _exact(names, SSH_PORT)):
            types = {kind: None for name in form for kind in lines.types_at_hand(name)}
            if types:
                return tuple(types)
        return tuple(lines.hashed_types) if len(lines.hashed_types) == 1 else ()

    def known(self, names: Sequence[str], port: int) -> tuple[KnownHostsLine, ...]:
        """Every line with a key of this host; goes through all hashed lines, once per name."""
        lines = self._lines[Marker.HOST_KEY]
        return tuple(line for name in _exact(names, port) for line in lines.find(name))

    def _held(self, marker: Marker, names: Sequence[str], port: int, blob: bytes) -> bool:
        lines = self._lines[marker]
        return not lines.are_none and any(lines.hold(name, blob) for name in _either(names, port))


class _Lines:
    """The lines with one marker, indexed."""

    def __init__(self) -> None:
        self.are_none = True
        self.hashed_types: dict[str, None] = {}
        self._plain: dict[bytes, list[KnownHostsLine]] = {}
        self._patterns: list[tuple[Callable[[bytes], bool], KnownHostsLine]] = []
        self._hashed: list[tuple[bytes, bytes, KnownHostsLine]] = []
        self._hashed_by_blob: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self._found_hashed: dict[bytes, tuple[KnownHostsLine, ...]] = {}

    def add(self, line: KnownHostsLine) -> None:
        self.are_none = False
        if line.hashed is not None:
            self._hashed.append((*line.hashed, line))
            self._hashed_by_blob.setdefault(line.blob, []).append(line.hashed)
            self.hashed_types[line.key_type] = None
            self._found_hashed.clear()
        elif any(_is_pattern(pattern) for pattern in line.patterns):
            self._patterns.append((_matcher(line.patterns), line))
        else:
            for name in line.patterns:
                self._plain.setdefault(name, []).append(line)

    def hold(self, name: bytes, blob: bytes) -> bool:
        """Whether a line for ``name`` holds the key ``blob``."""
        if any(line.blob == blob for line in self._plain.get(name, ())):
            return True
        hashed = self._hashed_by_blob.get(blob, ())
        if any(_digest(salt, name) == digest for salt, digest in hashed):
            return True
        return any(line.blob == blob and matches(name) for matches, line in self._patterns)

    def find(self, name: bytes) -> list[KnownHostsLine]:
        """Every line for ``name``."""
        return [*self._clear(name), *self._find_hashed(name)]

    def types_at_hand(self, name: bytes) -> Iterator[str]:
        for line in self._clear(name):
            yield line.key_type
        cheap = len(self.hashed_types) > 1 and len(self._hashed) <= _HASHED_AT_ONCE
        if cheap or name in self._found_hashed:
            for line in self._find_hashed(name):
                yield line.key_type

    def _clear(self, name: bytes) -> Iterator[KnownHostsLine]:
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


def _exact(names: Sequence[str], port: int) -> list[bytes]:
    return [known_hosts_name(name, port).encode() for name in names]


def _either(names: Sequence[str], port: int) -> list[bytes]:
    both = _exact(names, port)
    return both if port == SSH_PORT else both + _exact(names, SSH_PORT)


def _digest(salt: bytes, name: bytes) -> bytes:
    return hmac.digest(salt, name, "sha1")


def _is_pattern(text: bytes) -> bool:
    return text.startswith(b"!") or b"*" in text or b"?" in text


def _matcher(patterns: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    wanted = _expression(pattern for pattern in patterns if not pattern.startswith(b"!"))
    refused = _expression(pattern[1:] for pattern in patterns if pattern.startswith(b"!"))

    def matches(name: bytes) -> bool:
        text = name.decode("latin-1")
        return wanted.match(text) is not None and refused.match(text) is None

    return matches


def _expression(patterns: Iterable[bytes]) -> re.Pattern[str]:
    """One expression for several patterns; fnmatch's are linear, and only its brackets differ."""
    parts = [fnmatch.translate(p.decode("latin-1").replace("[", "[[]")) for p in patterns]
    return re.compile("|".join(parts) if parts else r"(?!)")

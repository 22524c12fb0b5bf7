"""The target of a client in the comparison: addresses, a key, host keys, and the true numbers.

It is written as one JSON file, so that clients in other Python environments can read it; for the
same reason this module and those of the clients import nothing of sockfleet at their top.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FILES = ("/proc/net/sockstat", "/proc/net/sockstat6")
CAT = f"cat {FILES[0]} {FILES[1]}"
"""The command of the peers; sockfleet runs its own probe."""

_TCP_LINE = re.compile(rb"TCP: inuse \d+ orphan \d+ tw \d+ alloc \d+ mem \d+")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A fleet with one user, one key and one port for all hosts."""

    folder: str
    port: int
    user: str
    identity: str
    known_hosts: str
    addresses: tuple[str, ...]
    truth: Mapping[str, str] | None
    """The TCP line of each address's sockstat; None on a real machine, where it changes."""

    def known_host(self, address: str) -> str:
        """Return the path of a known_hosts file with this host's line only."""
        return f"{self.folder}/known/{address}"

    def write(self) -> Path:
        path = Path(self.folder, "target.json")
        path.write_text(json.dumps(asdict(self)))
        return path

    @classmethod
    def read(cls, path: str) -> Target:
        fields = json.loads(Path(path).read_text())
        return cls(**{**fields, "addresses": tuple(fields["addresses"])})

    def wrong(self, addresses: Iterable[str], answers: Mapping[str, bytes]) -> list[str]:
        """Describe each host whose answer is missing or holds other numbers than its own."""
        return [
            f"{address}: {answer[:80]!r} where {self._wanted(address)} was due"
            for address in addresses
            if not self._is_right(address, answer := answers.get(address, b""))
        ]

    def _wanted(self, address: str) -> str:
        return "a TCP line" if self.truth is None else repr(self.truth[address])

    def _is_right(self, address: str, answer: bytes) -> bool:
        found = _TCP_LINE.search(answer)
        return found is not None and (
            self.truth is None or found[0] == self.truth[address].encode()
        )


def split_known_hosts(known_hosts: Path, folder: Path) -> tuple[str, ...]:
    """Write one file for each host in ``folder``/known, for clients that read a file per login.

    Returns the addresses, in the order of the lines.
    """
    known = folder / "known"
    known.mkdir(exist_ok=True)
    addresses = []
    for line in known_hosts.read_text().splitlines():
        address = line.removeprefix("[").split("]")[0]
        addresses.append(address)
        (known / address).write_text(f"{line}\n")
    return tuple(addresses)

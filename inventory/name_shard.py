"""``--shard I/N``: the part of a fleet that one of N machines scans, computed from host names.

The part depends only on the host's name and N, so adding or removing a host moves no other host.
When N grows by one, each host stays in its part or moves to the new one, and only that part's equal
share moves: the consistent hash of Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash
Algorithm" (arXiv:1406.2294), with BLAKE2b for its random numbers.
"""

from __future__ import annotations

import hashlib

from ..core.errors import UsageError
from ..core.lazy_pattern import lazy_pattern
from ..core.record import record

__all__ = ["NameShard", "parse_shard", "part_of"]

_FORM = lazy_pattern(r"([1-9][0-9]{0,6})/([1-9][0-9]{0,6})")
_BITS = 64


@record
class NameShard:
    """Part number ``part`` of ``of`` parts, both counted from 1."""

    part: int
    of: int

    def holds(self, name: str) -> bool:
        """Whether the host of that name is in this part."""
        return part_of(name, self.of) == self.part


def parse_shard(text: str) -> NameShard:
    """Parse ``2/5``; raise UsageError for another form, or where I is greater than N."""
    found = _FORM().fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/5")
    return NameShard(part=int(found[1]), of=int(found[2]))


def part_of(name: str, of: int) -> int:
    """The part, from 1 to ``of``, of the host of that name.

    The algorithm adds the parts one by one. With k parts, the host moves to the next new part with
    probability 1 / (k + 1). So from part p, counted from 0, with a random number r in (0, 1], it
    next moves to part floor((p + 1) / r): about ln(of) moves in all.
    """
    key = name.encode("utf-8", "surrogatepass")
    part, step = 0, 0
    following = 0
    while following < of:
        part = following
        digest = hashlib.blake2b(
            key, digest_size=_BITS // 8, salt=step.to_bytes(8, "big"), person=b"sockfleet-shard"
        ).digest()
        following = ((part + 1) << _BITS) // (int.from_bytes(digest, "big") + 1)
        step += 1
    return part + 1

"""``--shard I/N``: the part of a fleet that one of N machines asks, by the hosts' names alone.

Which part a host is in follows from its name, so adding or removing hosts never moves another.
Where N grows by one, a host stays or goes to the new part, and only the new part's fair share goes:
the consistent hash of Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm"
(arXiv:1406.2294), with BLAKE2b for its random numbers.
"""

from __future__ import annotations

import hashlib
import re

from ..core.errors import UsageError
from ..core.record import record

__all__ = ["NameShard", "parse_shard", "part_of"]

_FORM = re.compile(r"([1-9][0-9]{0,6})/([1-9][0-9]{0,6})")
_BITS = 64


@record
class NameShard:
    """Part ``part`` of ``of``, both from 1 on."""

    part: int
    of: int

    def holds(self, name: str) -> bool:
        """Whether the host of that name is in this part."""
        return part_of(name, self.of) == self.part


def parse_shard(text: str) -> NameShard:
    """``2/5``; raises UsageError for anything else, and where the part is larger than the whole."""
    found = _FORM.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/5")
    return NameShard(part=int(found[1]), of=int(found[2]))


def part_of(name: str, of: int) -> int:
    """The part from 1 to ``of`` that the host of that name is in.

    Imagine the parts added one by one. With k of them the host moves to the next new one with
    probability 1 / (k + 1). So from part p, counted from 0, with a random number r of (0, 1], it
    moves next when part floor((p + 1) / r) comes: about ln(of) moves in all.
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

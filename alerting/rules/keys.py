"""The numbers that a rule may name, by what it judges."""

from __future__ import annotations

from collections.abc import Mapping

from ...aggregator.change import NAMESPACE_NUMBERS
from ...aggregator.diagnosis import Word
from ...aggregator.host_numbers import CHANGES, HOST_NUMBERS
from ...aggregator.measures import APART, KEYS, STORED_KEYS
from ...core.suggestion import nearest
from .model import Each

__all__ = [
    "CLOCK_KEYS",
    "HOLDER_NUMBERS",
    "KEYS_OF",
    "describe_unknown_key",
    "is_change",
    "is_stored",
]

CLOCK_KEYS = frozenset({"age_s"})
"""Numbers that change without a scan: judged at each evaluation."""
HOLDER_NUMBERS = ("tcp_close", "processes", "open_files", "open_files_percent")
"""Of all processes of one command: their closed sockets, how many they are, and of the process
with the fewest descriptors left how many are open, also in percent of its limit."""
_SINCE = ("new", "gone", "lost", "recovered", "rebooted")

KEYS_OF: Mapping[Each, tuple[str, ...]] = {
    Each.HOST: (
        *HOST_NUMBERS,
        *(f"apart.{name}" for name in APART),
        *STORED_KEYS,
        *(f"diagnosed.{word}" for word in Word),
        "worst.diagnosis",
        "failed",
    ),
    Each.GROUP: tuple(key for key in KEYS if key not in (*_SINCE, "duration_s", "age_s")),
    Each.FLEET: KEYS,
    Each.NAMESPACE: tuple(
        prefix + name for prefix in ("", "change.", "growth.") for name in NAMESPACE_NUMBERS
    ),
    Each.HOLDER: (
        *HOLDER_NUMBERS,
        *(prefix + name for prefix in ("change.", "growth.") for name in HOLDER_NUMBERS[:3]),
    ),
}
"""Each KEY of a rule. Of a host, ``failed`` and ``diagnosed.WORD`` are 1 or 0."""


def is_change(key: str) -> bool:
    """Whether the number needs an earlier scan."""
    plain = key.removeprefix("worst.").removeprefix("apart.")
    return plain.startswith(CHANGES) or plain in _SINCE


def is_stored(key: str) -> bool:
    """Whether the number comes from many scans of the store."""
    return key in STORED_KEYS


def describe_unknown_key(key: str, each: Each) -> str:
    """The message for a KEY that this kind of rule does not have."""
    known = KEYS_OF[each]
    if key.startswith("worst.") and key.removeprefix("worst.") in known:
        return f"{key} is of a fleet or group; of each {each} it is {key.removeprefix('worst.')}"
    near = nearest(key, known, cutoff=0.75) or nearest(key.replace("-", "_"), known, cutoff=0.5)
    if near is not None:
        return f"no KEY {key!r} of a {each}; did you mean {near}?"
    others = [str(one) for one in Each if key in KEYS_OF[one]]
    if others:
        return f"no KEY {key!r} of a {each}; it is one of each: {' or '.join(others)}"
    return f"no KEY {key!r} of a {each}; there are {', '.join(known[:6])} and more"

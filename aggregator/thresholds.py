"""From which numbers on a host's diagnosis changes, and how a user sets them otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields

from ..core.errors import UsageError
from ..core.record import record

__all__ = ["Thresholds", "parse_thresholds"]


@record
class Thresholds:
    """Counts are sockets; shares are parts of 1 of what stands in their description."""

    mem_pressure_share: float = 1.0
    """Of the middle value of tcp_mem: above it the kernel itself goes into memory pressure and
    shrinks buffers (net/core/sock.c, __sk_mem_raise_allocated()); Netdata warns there too."""
    mem_high_share: float = 0.9
    """Of the last value of tcp_mem, from which on the kernel refuses memory (same function);
    Netdata calls 90 % of it critical."""
    orphans_warning_share: float = 0.25
    """Of tcp_max_orphans. The kernel counts an orphan that got no answer for long, or had an
    error, up to four times (net/ipv4/tcp_timer.c, tcp_out_of_resources()), so from a quarter on
    it may cut connections off; Netdata warns there too."""
    orphans_critical_share: float = 0.5
    """Of tcp_max_orphans; Netdata's too."""
    held_sockets: int = 100
    """``tcp_close`` below this is the usual stock of sockets that are made and not used yet. No
    other tool ships a level: growth is what tells a leak, and this one only says where to look."""
    held_share: float = 0.05
    """Of ``alloc``: both this and ``held_sockets`` have to be reached."""
    tw_sockets: int = 100
    """Fewer TIME_WAIT sockets than this are not worth a word."""
    tw_share: float = 0.5
    """Of ``closed``, what ``ss -s`` prints: from here on that is mostly TIME_WAIT."""


_KINDS = {field.name: type(field.default) for field in fields(Thresholds)}


def parse_thresholds(settings: Iterable[str]) -> Thresholds:
    """The thresholds with those replaced that ``KEY=VALUE`` names; the last of a key counts.

    A share is a part of 1 or has a percent sign. Raises UsageError for an unknown key, with the
    one that may have been meant, and for a value that is no such number.
    """
    given = dict(_setting(text) for text in settings)
    return Thresholds(**given)  # type: ignore[arg-type]  # _setting gives each key its own type


def _setting(text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    name = key.strip().replace("-", "_")
    if not equals:
        raise UsageError(f"threshold {text!r}: expected KEY=VALUE, such as held_sockets=500")
    if name not in _KINDS:
        raise UsageError(f"threshold {text!r}: no threshold {key!r}{_meant(name)}")
    number = _whole(value) if _KINDS[name] is int else _share(value)
    if number is None:
        expected = (
            "a whole number of sockets, such as 500"
            if _KINDS[name] is int
            else "a share such as 0.25 or 25%"
        )
        raise UsageError(f"threshold {text!r}: {value!r} is not {expected}")
    return name, number


def _meant(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, _KINDS, n=1)
    return f"; {near[0]} was meant?" if near else f"; there are {', '.join(_KINDS)}"


def _whole(value: str) -> int | None:
    digits = value.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


def _share(value: str) -> float | None:
    text = value.strip()
    percent = text.endswith("%")
    try:
        share = float(text.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        return None
    return share if math.isfinite(share) and share >= 0 else None

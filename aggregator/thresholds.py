"""The thresholds of a diagnosis, and how a user sets them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from ..core.errors import UsageError
from ..core.record import record
from ..core.suggestion import suggest

__all__ = ["Thresholds", "parse_thresholds"]


@record
class Thresholds:
    """Counts are sockets; shares are fractions (0 to 1) of the number that the field names."""

    mem_pressure_share: float = 1.0
    """Of the middle value of tcp_mem: above it the kernel enters memory pressure and shrinks
    buffers (net/core/sock.c, __sk_mem_raise_allocated()); Netdata warns there too."""
    mem_high_share: float = 0.9
    """Of the last value of tcp_mem, above which the kernel refuses memory (same function);
    Netdata calls 90 % of it critical."""
    orphans_warning_share: float = 0.25
    """Of tcp_max_orphans. The kernel counts an orphan that got no answer for long, or had an
    error, up to four times (net/ipv4/tcp_timer.c, tcp_out_of_resources()), so it may
    reset connections from a quarter on; Netdata warns there too."""
    orphans_critical_share: float = 0.5
    """Of tcp_max_orphans, as in Netdata."""
    held_sockets: int = 100
    """A ``tcp_close`` below this is usual: sockets that are created and not used yet. No other tool
    ships a level: only growth proves a leak, and this level says where to look."""
    held_share: float = 0.05
    """Of ``alloc``; a diagnosis needs both this and ``held_sockets``."""
    tw_sockets: int = 100
    """Fewer TIME_WAIT sockets than this give no diagnosis."""
    tw_share: float = 0.5
    """Of ``closed``, which ``ss -s`` prints: from this share on it is mostly TIME_WAIT."""


_KINDS = {field.name: type(field.default) for field in fields(Thresholds)}


def parse_thresholds(settings: Iterable[str]) -> Thresholds:
    """Return the usual thresholds with each ``KEY=VALUE`` applied; the last of a key counts.

    A share is a fraction (0.25) or a percentage (25%). Raises UsageError for an unknown key, with
    the nearest one, and for an invalid value.
    """
    given: dict[str, Any] = dict(_parse_setting(text) for text in settings)
    return Thresholds(**given)


def _parse_setting(text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    name = key.strip().replace("-", "_")
    if not equals:
        raise UsageError(f"threshold {text!r}: expected KEY=VALUE, such as held_sockets=500")
    if name not in _KINDS:
        raise UsageError(f"threshold {text!r}: no threshold {key!r}{suggest(name, _KINDS)}")
    number = _parse_count(value) if _KINDS[name] is int else _parse_share(value)
    if number is None:
        expected = (
            "a whole number of sockets, such as 500"
            if _KINDS[name] is int
            else "a share such as 0.25 or 25%"
        )
        raise UsageError(f"threshold {text!r}: {value!r} is not {expected}")
    return name, number


def _parse_count(value: str) -> int | None:
    digits = value.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


def _parse_share(value: str) -> float | None:
    text = value.strip()
    percent = text.endswith("%")
    try:
        share = float(text.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        return None
    return share if math.isfinite(share) and share >= 0 else None

"""The numbers of a host that the store keeps of each scan, and the code of each in a pack's row."""

from __future__ import annotations

from collections.abc import Mapping

from ...aggregator.numbers import TCP_NUMBERS

__all__ = ["BOOT", "CODES", "EXTREMES", "METRICS", "NAMESPACE_METRICS", "READING"]

METRICS = (*TCP_NUMBERS, "sockets_used")
"""What people ask for over time: columns of the views ``latest``, ``hourly`` and ``daily``."""

BOOT = "boot"
"""The number of a host's boot id among all that were seen of it, from 0 on; absent: unknown."""

NAMESPACE_METRICS = ("tcp_close", "inuse", "inuse6", "tw", "sockets_used")
"""What is kept of a network namespace; its ``tcp_close`` is an upper bound."""

READING = (BOOT, "scope", "uncertainty", "tcp_estab", "attempts", "elapsed_ms", "file_nr")
"""What else is kept of each reading, to show the scan again."""

EXTREMES = ("tcp_close_min", "tcp_close_max")
"""What is kept of an hour and a day beside the medians."""

# Part of the layout: a code means the same for ever, and a new number takes a new one.
CODES: Mapping[str, int] = {
    "alloc": 1,
    "inuse": 2,
    "inuse6": 3,
    "tw": 4,
    "orphan": 5,
    "mem_pages": 6,
    "closed": 7,
    "tcp_close": 8,
    "sockets_used": 9,
    "boot": 20,
    "scope": 21,
    "uncertainty": 22,
    "tcp_estab": 23,
    "attempts": 24,
    "elapsed_ms": 25,
    "file_nr": 26,
    # Of an hour only.
    "samples": 40,
    "tcp_close_min": 41,
    "tcp_close_max": 42,
}

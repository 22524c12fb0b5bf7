"""How many hosts hold how many closed sockets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model import Bin

__all__ = ["count_bins"]

_EDGES = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
_LABELS = (
    *("0", "1–2", "3–9", "10–29", "30–99", "100–299"),
    *("300–999", "1k–3k", "3k–10k", "10k–30k", "30k+"),
)


def count_bins(now: NDArray[np.float64], before: NDArray[np.float64] | None) -> tuple[Bin, ...]:
    """Count hosts by their numbers, from 0 to the last class that has a host, then or now."""
    counts = _count(now)
    earlier = None if before is None else _count(before)
    used = counts if earlier is None else counts + earlier
    last = int(np.flatnonzero(used)[-1]) + 1 if used.any() else 1
    return tuple(
        Bin(
            label=label,
            hosts=int(counts[number]),
            hosts_before=None if earlier is None else int(earlier[number]),
        )
        for number, label in enumerate(_LABELS[:last])
    )


def _count(values: NDArray[np.float64]) -> NDArray[np.intp]:
    known = np.maximum(values[np.isfinite(values)], 0)
    found, _ = np.histogram(known, bins=[*_EDGES, np.inf])
    return found.astype(np.intp)

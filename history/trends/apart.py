"""Which hosts are apart from their group, by a score that the odd hosts themselves do not move."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...core.record import record

__all__ = ["Apart", "find_apart"]

FEWEST = 5
"""A smaller group has no usual level."""
SCORE = 6.0
NORMAL = 1.4826


@record
class Apart:
    """How far a host is from its group: ``score`` in robust standard deviations."""

    group: str
    score: float
    median: float


def find_apart(
    hosts: tuple[str, ...], levels: NDArray[np.float64], groups: Mapping[str, tuple[str, ...]]
) -> dict[str, Apart]:
    """Return the hosts whose level is apart from a group of theirs, each by its highest score.

    ``groups`` has the groups of each host. The spread of a group is its median deviation, at least
    that of counting, so that equal hosts do not make the smallest difference large.
    """
    members: dict[str, list[int]] = {}
    for row, host in enumerate(hosts):
        if np.isfinite(levels[row]):
            for group in groups.get(host, ()):
                members.setdefault(group, []).append(row)
    found: dict[str, Apart] = {}
    for group, rows in members.items():
        if len(rows) < FEWEST:
            continue
        median = float(np.median(levels[rows]))
        deviation = NORMAL * float(np.median(np.abs(levels[rows] - median)))
        spread = max(deviation, float(np.sqrt(max(median, 1.0))))
        for row in rows:
            score = (float(levels[row]) - median) / spread
            earlier = found.get(hosts[row])
            if score >= SCORE and (earlier is None or score > earlier.score):
                found[hosts[row]] = Apart(group=group, score=score, median=median)
    return found

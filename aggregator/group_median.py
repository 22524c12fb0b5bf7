"""How far a host is apart from its group: how many times the group's median its number is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from .host import HostSummary
from .host_numbers import HOST_NUMBERS

__all__ = ["FEWEST", "times_of_median"]

FEWEST = 4
"""Fewer hosts have no usual value."""
_ALL = ("all", "ungrouped")


def times_of_median(name: str, hosts: Sequence[HostSummary]) -> Mapping[str, float]:
    """The number of each host divided by the median of its group, by the host's name.

    The group is the smallest of the host's groups in which at least four hosts have the number, or
    else the whole fleet; a host without one is left out. A median below 1 counts as 1, so that
    one socket in a group without any is no multiple of nothing.
    """
    value = HOST_NUMBERS[name]
    given = [(host, it) for host in hosts if (it := value(host)) is not None]
    members: dict[str, list[float]] = {"all": [it for _, it in given]}
    for host, it in given:
        for group in host.groups:
            if group not in _ALL:
                members.setdefault(group, []).append(it)
    medians = {
        group: (len(values), max(1.0, float(median(values))))
        for group, values in members.items()
        if len(values) >= FEWEST
    }
    found: dict[str, float] = {}
    for host, it in given:
        own = [medians[group] for group in (*host.groups, "all") if group in medians]
        if own:
            found[host.name] = round(it / min(own)[1], 3)
    return found

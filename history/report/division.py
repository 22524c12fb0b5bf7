"""One group for each host."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["divide_by_group"]

UNGROUPED = "ungrouped"


def divide_by_group(groups: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return one group for each host, so that the groups' sums are the fleet's.

    It is the largest group of the host that does not hold every host: ``web`` and ``db`` rather
    than ``linux`` or ``web-eu-1``.
    """
    sizes: dict[str, int] = {}
    for own in groups.values():
        for group in own:
            sizes[group] = sizes.get(group, 0) + 1
    divided = {}
    for name, own in groups.items():
        parts = [group for group in own if sizes[group] < len(groups)] or list(own)
        divided[name] = max(sorted(parts), key=lambda group: sizes[group], default=UNGROUPED)
    return divided

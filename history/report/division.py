"""One group for each host."""

from __future__ import annotations

from collections.abc import Mapping

from ...aggregator.grouping import group_levels
from ...core.record import record
from ...core.text import escape
from ...inventory.connection.secret_variables import remove_secrets
from ...inventory.models import Inventory

__all__ = ["divide_by_group", "divide_by_inventory", "first_levels"]

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


@record
class _Member:
    """A host of an inventory as `group_levels` reads it."""

    groups: tuple[str, ...]
    variables: Mapping[str, object]


def divide_by_inventory(inventory: Inventory, group_by: str) -> dict[str, str]:
    """Return the group of each host, by a group's children or a variable of the inventory.

    A host outside the group or without the variable has none. Its names are escaped as those of
    scans are. Raises UsageError where the name is neither a group nor a variable of any host.
    """
    members = {
        escape(host.name): _Member(groups=host.groups, variables=remove_secrets(host.variables))
        for host in inventory.hosts.values()
    }
    children = {name: group.children for name, group in inventory.groups.items()}
    levels = group_levels(group_by, tuple(members.values()), children)
    return first_levels({name: levels(member) for name, member in members.items()})


def first_levels(levels: Mapping[str, tuple[str, ...] | None]) -> dict[str, str]:
    """Return the first level of each host that has one, so that no host counts twice."""
    return {name: own[0] for name, own in levels.items() if own}

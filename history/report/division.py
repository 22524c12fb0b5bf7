"""One group for each host."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...aggregator.grouping import group_levels
from ...core.errors import UsageError
from ...core.record import record
from ...core.text import escape
from ...inventory.connection.secret_variables import remove_secrets
from ...inventory.models import Inventory
from .readings import Readings

__all__ = ["divide_by_group", "divide_hosts"]

UNGROUPED = "ungrouped"


def divide_hosts(
    readings: Readings, group_by: str | None, read_inventory: Callable[[], Inventory] | None
) -> dict[str, str]:
    """Return the group in which each host counts, so that the groups' sums are the fleet's.

    ``group_by`` is what the last scans were grouped by, else a group or a variable of the inventory
    that ``read_inventory`` reads; without it, the largest groups divide the hosts. Raises
    UsageError where it is none of these, and what ``read_inventory`` raises.
    """
    if group_by is None:
        return divide_by_group(readings.groups)
    were_grouped = [each == group_by for each in readings.last.grouped_by]
    if read_inventory is not None and not (were_grouped and all(were_grouped)):
        levels = _divide_by_inventory(read_inventory(), group_by)
    elif any(were_grouped):
        hosts = readings.last.hosts.values()
        levels = _first_levels({host.name: host.levels for host in hosts})
    else:
        raise UsageError(
            f"--group-by {group_by}: the last scan was not grouped by it; a group or a variable "
            "needs --inventory FILE"
        )
    without = f"without {escape(group_by)}"
    return {host: levels.get(host, without) for host in readings.block.hosts}


def divide_by_group(groups: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the largest group of each host that does not hold every host.

    It is ``web`` or ``db`` rather than ``linux`` or ``web-eu-1``.
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


def _divide_by_inventory(inventory: Inventory, group_by: str) -> dict[str, str]:
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
    return _first_levels({name: levels(member) for name, member in members.items()})


def _first_levels(levels: Mapping[str, tuple[str, ...] | None]) -> dict[str, str]:
    """Return the first level of each host that has one, so that no host counts twice."""
    return {name: own[0] for name, own in levels.items() if own}

"""The groups that a host counts in under ``--group-by``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from ..core.errors import UsageError
from ..core.text import clean

__all__ = ["GroupedHost", "group_levels"]

_LABEL_LIMIT = 100


class GroupedHost(Protocol):
    """A host with its groups and variables: of an inventory, or of a scan."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Its groups, ancestors included."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """Its variables, without secrets."""


def group_levels(
    group_by: str,
    hosts: Sequence[GroupedHost],
    children: Mapping[str, Sequence[str]],
    variables: Collection[str] = (),
) -> Callable[[GroupedHost], tuple[str, ...]]:
    """Return the function from a host to the groups it counts in under ``--group-by GROUP|VAR``.

    A group divides its hosts by its direct children; a host in none of them counts under the
    group's own name (under ``ungrouped`` for ``all``). Any other name is a variable, whose value
    is the group; a host without it is in no group. ``children`` maps each group to its direct
    children; ``variables`` are names that are accepted although none of these hosts has them.
    Raises UsageError where the name is neither a group nor a variable of any host.
    """
    if group_by == "all" or group_by in children or any(group_by in h.groups for h in hosts):
        return _levels_of_group(group_by, children.get(group_by, ()))
    if group_by in variables or any(group_by in h.variables for h in hosts):
        return lambda host: _levels_of_value(host.variables.get(group_by))
    groups = sorted({group for host in hosts for group in host.groups})
    there = f"the groups are {', '.join(groups[:20])}" if groups else "there are no groups"
    raise UsageError(
        f"--group-by {group_by!r}: neither a group nor a variable of any selected host; {there}"
    )


def _levels_of_group(
    group: str, children: Sequence[str]
) -> Callable[[GroupedHost], tuple[str, ...]]:
    rest = ("ungrouped",) if group == "all" else (group,)

    def levels(host: GroupedHost) -> tuple[str, ...]:
        if group != "all" and group not in host.groups:
            return ()
        return tuple(child for child in children if child in host.groups) or rest

    return levels


def _levels_of_value(value: object) -> tuple[str, ...]:
    """A variable's value as a group's name: text as it is, another value as JSON."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        text = value
    else:
        import json  # most scans need it nowhere

        text = json.dumps(value, default=str, ensure_ascii=False)
    return (clean(text, limit=_LABEL_LIMIT),)

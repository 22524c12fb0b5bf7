"""Which groups a host counts in: those of the inventory, or what ``--group-by`` asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence

from ..core.errors import UsageError
from ..core.text import clean
from .host import HostSummary

__all__ = ["group_levels"]

_LABEL_LIMIT = 100


def group_levels(
    group_by: str,
    hosts: Sequence[HostSummary],
    children: Mapping[str, Sequence[str]],
    variables: Collection[str] = (),
) -> Callable[[HostSummary], tuple[str, ...]]:
    """The rule of ``--group-by GROUP|VAR``: from a host to the groups it counts in.

    A group takes its direct children as the level; what is in it and in no child counts under the
    group's own name (under ``ungrouped`` for ``all``). Any other name is a variable, whose value
    is the group; a host without it is in none. ``children`` maps each group to its direct ones;
    ``variables`` are known names that none of these hosts needs to have.
    Raises UsageError where the name is neither a group nor a variable of any host.
    """
    if group_by == "all" or group_by in children or any(group_by in h.groups for h in hosts):
        return _by_group(group_by, children.get(group_by, ()))
    if group_by in variables or any(group_by in h.variables for h in hosts):
        return lambda host: _value(host.variables.get(group_by))
    groups = sorted({group for host in hosts for group in host.groups})
    there = f"the groups are {', '.join(groups[:20])}" if groups else "there are no groups"
    raise UsageError(
        f"--group-by {group_by!r}: neither a group nor a variable of any selected host; {there}"
    )


def _by_group(group: str, children: Sequence[str]) -> Callable[[HostSummary], tuple[str, ...]]:
    rest = ("ungrouped",) if group == "all" else (group,)

    def levels(host: HostSummary) -> tuple[str, ...]:
        if group != "all" and group not in host.groups:
            return ()
        return tuple(child for child in children if child in host.groups) or rest

    return levels


def _value(value: object) -> tuple[str, ...]:
    """A variable's value as a name: text as it is, else as JSON shows it."""
    if value is None or value == "":
        return ()
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return (clean(text, limit=_LABEL_LIMIT),)

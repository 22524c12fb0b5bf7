"""An inventory while its sources are read: groups, hosts and their own variables, unresolved.

Several sources of one call write into one draft, in their order; what a later one says about the
same name is added or wins, as in Ansible. `merge.resolved` makes the final `Inventory` of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import InventoryError

__all__ = ["ALL", "UNGROUPED", "UnresolvedGroup", "UnresolvedHost", "UnresolvedInventory"]

ALL = "all"
UNGROUPED = "ungrouped"


@dataclass(slots=True)
class UnresolvedGroup:
    """A group so far. The dictionaries without values keep the order of definition."""

    name: str
    children: dict[str, None] = field(default_factory=dict)
    parents: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    priority: int = 1
    """``ansible_group_priority``: among groups of one depth the higher one wins."""


@dataclass(slots=True)
class UnresolvedHost:
    """A host so far."""

    name: str
    where: str
    groups: dict[str, None] = field(default_factory=dict)
    """Those that name it directly."""
    variables: dict[str, Any] = field(default_factory=dict)


class UnresolvedInventory:
    """What the sources have said until now; ``all`` and ``ungrouped`` are always there."""

    def __init__(self) -> None:
        self.groups: dict[str, UnresolvedGroup] = {}
        self.hosts: dict[str, UnresolvedHost] = {}
        self.notes: dict[str, None] = {}
        self.groups[ALL] = UnresolvedGroup(ALL)
        self.groups[UNGROUPED] = UnresolvedGroup(UNGROUPED)
        self._link(ALL, UNGROUPED)

    def note(self, text: str) -> None:
        """A warning for the user; the same one is kept once."""
        self.notes[text] = None

    def add_group(self, name: object, where: str) -> str:
        """Make sure that a group of this name exists."""
        if not isinstance(name, str) or not name:
            raise InventoryError(
                where, f"found {name!r} as the name of a group, expected a text (quote numbers)"
            )
        if name not in self.groups:
            self.groups[name] = UnresolvedGroup(name)
        return name

    def add_child(self, parent: str, child: str, where: str) -> None:
        """Put a group below another; raises InventoryError when that closes a circle."""
        if child == ALL:
            raise InventoryError(where, "'all' holds every group and cannot be a child of one")
        if parent == child or parent in self._below(child):
            raise InventoryError(
                where, f"group {child!r} cannot be a child of {parent!r}: it would hold itself"
            )
        self._link(parent, child)

    def add_hosts(
        self, names: Iterable[str], group: str, port: int | None, where: str
    ) -> list[UnresolvedHost]:
        """Make sure that these hosts exist and are in ``group``.

        A port counts only where a host is named for the first time, as in Ansible.
        """
        members = self.groups[group].hosts
        added = []
        for name in names:
            if not name:
                raise InventoryError(where, "found an empty host name")
            host = self.hosts.get(name)
            if host is None:
                host = self.hosts[name] = UnresolvedHost(name, where)
                if port:
                    host.variables["ansible_port"] = port
            host.groups[group] = None
            members[name] = None
            added.append(host)
        return added

    def set_host_variables(
        self, host: UnresolvedHost, variables: dict[str, Any], where: str
    ) -> None:
        """Give a host variables of its own; those it had of the same names are replaced.

        Where a group has the host's name Ansible gives them to the group, and so do we.
        """
        if host.name in self.groups:
            self.set_group_variables(host.name, variables, where)
        else:
            host.variables.update(variables)

    def set_group_variables(self, name: str, variables: dict[str, Any], where: str) -> None:
        """Give a group variables of its own; ``ansible_group_priority`` is no variable there."""
        group = self.groups[name]
        for key, value in variables.items():
            if key != "ansible_group_priority":
                group.variables[key] = value
                continue
            try:
                group.priority = int(value)
            except (TypeError, ValueError):
                raise InventoryError(
                    where, f"found ansible_group_priority {value!r}, expected a whole number"
                ) from None

    def _link(self, parent: str, child: str) -> None:
        self.groups[parent].children[child] = None
        self.groups[child].parents[parent] = None

    def _below(self, name: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(self.groups[name].children)
        while waiting:
            child = waiting.pop()
            if child not in seen:
                seen.add(child)
                waiting.extend(self.groups[child].children)
        return seen

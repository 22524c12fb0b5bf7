"""An inventory while its sources are read: groups, hosts and their own variables.

The sources of one call add to one `UnresolvedInventory`, in their order. What a later source
defines for the same name is added or replaces the earlier value, as in Ansible.
`merge.build_inventory` turns it into an `Inventory`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from ...core.record import mutable
from ..errors import InventoryError

__all__ = ["ALL", "UNGROUPED", "UnresolvedGroup", "UnresolvedHost", "UnresolvedInventory"]

ALL = "all"
UNGROUPED = "ungrouped"


@mutable
class UnresolvedGroup:
    """A group in progress. The dictionaries without values are sets in order of definition."""

    name: str
    children: dict[str, None] = field(default_factory=dict)
    parents: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    priority: int = 1
    """``ansible_group_priority``: among groups of one depth, the higher one wins."""


@mutable
class UnresolvedHost:
    """A host in progress."""

    name: str
    where: str
    """Where it is first named."""
    groups: dict[str, None] = field(default_factory=dict)
    """The groups of which it is a direct member."""
    variables: dict[str, Any] = field(default_factory=dict)


class UnresolvedInventory:
    """The groups and hosts of the sources read so far; ``all`` and ``ungrouped`` always exist."""

    def __init__(self) -> None:
        self.groups: dict[str, UnresolvedGroup] = {}
        self.hosts: dict[str, UnresolvedHost] = {}
        self.notes: dict[str, None] = {}
        self.groups[ALL] = UnresolvedGroup(ALL)
        self.groups[UNGROUPED] = UnresolvedGroup(UNGROUPED)
        self._link(ALL, UNGROUPED)

    def add_note(self, text: str) -> None:
        """Add a warning for the user; equal ones are kept once."""
        self.notes[text] = None

    def add_group(self, name: object, where: str) -> str:
        """Add a group, unless it exists, and return its name. Raises InventoryError."""
        if not isinstance(name, str) or not name:
            raise InventoryError(
                where, f"found {name!r} as the name of a group, expected a text (quote numbers)"
            )
        if name not in self.groups:
            self.groups[name] = UnresolvedGroup(name)
        return name

    def add_child(self, parent: str, child: str, where: str) -> None:
        """Make a group the child of another; raise InventoryError where that closes a circle."""
        if child == ALL:
            raise InventoryError(where, "'all' holds every group and cannot be a child of one")
        if parent == child or parent in self._find_descendants(child):
            raise InventoryError(
                where, f"group {child!r} cannot be a child of {parent!r}: it would hold itself"
            )
        self._link(parent, child)

    def add_hosts(
        self, names: Iterable[str], group: str, port: int | None, where: str
    ) -> list[UnresolvedHost]:
        """Add hosts, unless they exist, make them members of ``group``, and return them.

        As in Ansible, the port applies only to hosts that did not exist before. Raises
        InventoryError for an empty name.
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
        """Set variables of a host, and replace those of the same names.

        As in Ansible, a group that has the host's name gets them instead.
        """
        if host.name in self.groups:
            self.set_group_variables(host.name, variables, where)
        else:
            host.variables.update(variables)

    def set_group_variables(self, name: str, variables: dict[str, Any], where: str) -> None:
        """Set variables of a group; ``ansible_group_priority`` sets its priority instead.

        Raises InventoryError for a priority that is no number.
        """
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

    def _find_descendants(self, name: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(self.groups[name].children)
        while waiting:
            child = waiting.pop()
            if child not in seen:
                seen.add(child)
                waiting.extend(self.groups[child].children)
        return seen

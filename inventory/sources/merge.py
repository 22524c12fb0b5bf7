"""Turn an `UnresolvedInventory` into an `Inventory`: ``all`` and ``ungrouped``, and precedence.

The precedence is ansible-core 2.19's default, from the weakest to the strongest: variables of
``all`` · of the other groups · group_vars/all beside the sources · beside the playbook ·
group_vars of the other groups beside the sources · beside the playbook · the host's own · its
host_vars beside the sources · beside the playbook. Among groups a deeper one wins (its depth is
the longest path from ``all``), then the higher ``ansible_group_priority``, then the later name.
A value replaces the weaker one as a whole; mappings are not merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

from ..models import Group, Inventory, InventoryHost
from .unresolved import ALL, UNGROUPED, UnresolvedGroup, UnresolvedHost, UnresolvedInventory
from .variables_files import VariablesFiles

__all__ = [
    "INTERNAL_VARIABLES",
    "GroupAncestry",
    "VariableResolver",
    "build_inventory",
    "reconcile_groups",
]

# Ansible computes these itself, and lists none of them even where an inventory sets one
# (INTERNAL_STATIC_VARS in ansible/constants.py).
# fmt: off
INTERNAL_VARIABLES = frozenset({
    "ansible_async_path", "ansible_collection_name", "ansible_config_file",
    "ansible_dependent_role_names", "ansible_diff_mode", "ansible_facts", "ansible_forks",
    "ansible_inventory_sources", "ansible_limit", "ansible_play_batch", "ansible_play_hosts",
    "ansible_play_hosts_all", "ansible_play_role_names", "ansible_playbook_python",
    "ansible_role_name", "ansible_role_names", "ansible_run_tags", "ansible_skip_tags",
    "ansible_verbosity", "ansible_version", "group_names", "groups", "hostvars",
    "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short",
    "play_hosts", "playbook_dir", "role_name", "role_names", "role_path", "role_uuid",
})
# fmt: on


def reconcile_groups(unresolved: UnresolvedInventory) -> None:
    """Make every group a descendant of ``all``, and ``ungrouped`` hold the hosts of no other group.

    The counterpart of InventoryData.reconcile_inventory() in ansible/inventory/data.py.
    """
    for name, group in unresolved.groups.items():
        if name != ALL and not group.parents:
            unresolved.add_child(ALL, name, name)
    ancestry = GroupAncestry(unresolved)
    ungrouped = unresolved.groups[UNGROUPED]
    for host in unresolved.hosts.values():
        direct = tuple(host.groups)
        if UNGROUPED in direct:
            if ancestry.with_ancestors(direct) - {ALL, UNGROUPED}:
                del host.groups[UNGROUPED], ungrouped.hosts[host.name]
        elif not direct or direct == (ALL,):
            host.groups[UNGROUPED] = None
            ungrouped.hosts[host.name] = None
    for name in unresolved.groups.keys() & unresolved.hosts.keys():
        unresolved.add_note(f"{name!r} is the name of a group and of a host; Ansible mixes them up")


class GroupAncestry:
    """The ancestors of groups, computed once for each combination of groups."""

    def __init__(self, unresolved: UnresolvedInventory) -> None:
        self._above: dict[str, frozenset[str]] = {}
        self.depth: dict[str, int] = {}
        parents = {name: group.parents for name, group in unresolved.groups.items()}
        for name in TopologicalSorter(parents).static_order():
            above = parents[name]
            self._above[name] = frozenset(above).union(*(self._above[one] for one in above))
            self.depth[name] = max((self.depth[one] + 1 for one in above), default=0)
        self._known: dict[tuple[str, ...], frozenset[str]] = {}

    def with_ancestors(self, direct: tuple[str, ...]) -> frozenset[str]:
        """Return these groups and their ancestors."""
        known = self._known.get(direct)
        if known is None:
            known = frozenset(direct).union(*(self._above[name] for name in direct))
            self._known[direct] = known
        return known


class VariableResolver:
    """Merges the variables that apply to a host or a group, by precedence."""

    def __init__(
        self,
        unresolved: UnresolvedInventory,
        ancestry: GroupAncestry,
        beside_sources: Sequence[VariablesFiles],
        beside_playbook: Sequence[VariablesFiles],
    ) -> None:
        self._groups = unresolved.groups
        self._ancestry = ancestry
        self._beside_sources = beside_sources
        self._beside_playbook = beside_playbook
        self._inherited: dict[tuple[str, ...], dict[str, Any]] = {}

    def resolve_host(self, host: UnresolvedHost) -> Mapping[str, Any]:
        """Return the host's variables; hosts without own variables share their groups' mapping."""
        direct = tuple(host.groups)
        inherited = self._inherited.get(direct)
        if inherited is None:
            inherited = self._inherited[direct] = self._inherit(direct)
        own = dict(host.variables)
        for files in (*self._beside_sources, *self._beside_playbook):
            own.update(files.host_variables(host.name))
        return _drop_internal(inherited | own) if own else inherited

    def resolve_group(self, group: UnresolvedGroup) -> Mapping[str, Any]:
        """Return a group's own variables and those of its group_vars beside the sources."""
        own = dict(group.variables)
        for files in self._beside_sources:
            own.update(files.group_variables(group.name))
        if group.priority != 1:
            own["ansible_group_priority"] = group.priority
        return _drop_internal(own)

    def _inherit(self, direct: tuple[str, ...]) -> dict[str, Any]:
        depth, groups = self._ancestry.depth, self._groups
        order = sorted(
            self._ancestry.with_ancestors(direct) - {ALL},
            key=lambda name: (depth[name], groups[name].priority, name),
        )
        inherited = dict(groups[ALL].variables)
        for name in order:
            inherited.update(groups[name].variables)
        for names in ([ALL], order):
            for beside in (self._beside_sources, self._beside_playbook):
                for files in beside:
                    for name in names:
                        inherited.update(files.group_variables(name))
        return _drop_internal(inherited)


def build_inventory(
    unresolved: UnresolvedInventory,
    ancestry: GroupAncestry,
    sources: Sequence[str],
    *,
    host_variables: Callable[[UnresolvedHost], Mapping[str, Any]],
    group_variables: Callable[[UnresolvedGroup], Mapping[str, Any]],
) -> Inventory:
    """Build the `Inventory`, after `reconcile_groups`."""
    group_names: dict[tuple[str, ...], tuple[str, ...]] = {}
    hosts: dict[str, InventoryHost] = {}
    for name, host in unresolved.hosts.items():
        direct = tuple(host.groups)
        groups = group_names.get(direct)
        if groups is None:
            groups = group_names[direct] = tuple(
                sorted(ancestry.with_ancestors(direct) - {ALL, UNGROUPED})
            )
        hosts[name] = InventoryHost(
            name=name, groups=groups, variables=host_variables(host), source=host.where
        )
    return Inventory(
        groups={
            name: Group(
                name=name,
                children=tuple(group.children),
                hosts=tuple(group.hosts),
                variables=group_variables(group),
            )
            for name, group in unresolved.groups.items()
        },
        hosts=hosts,
        sources=tuple(sources),
        notes=tuple(unresolved.notes),
    )


def _drop_internal(variables: dict[str, Any]) -> dict[str, Any]:
    if INTERNAL_VARIABLES.isdisjoint(variables):
        return variables
    return {name: value for name, value in variables.items() if name not in INTERNAL_VARIABLES}

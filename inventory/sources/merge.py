"""From a draft to the final inventory: ``all`` and ``ungrouped``, precedence, variables flattened.

Precedence as ansible-core 2.19 has it by default, from the weakest to the strongest: variables of
``all`` · of the other groups · group_vars/all beside the sources · beside the playbook ·
group_vars of the other groups beside the sources · beside the playbook · the host's own · its
host_vars beside the sources · beside the playbook. Among groups a deeper one wins (its depth is
the longest way from ``all``), then the higher ``ansible_group_priority``, then the later name.
A value replaces the former one as a whole; mappings are not merged into each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

from ..models import Group, Inventory, InventoryHost
from .unresolved import ALL, UNGROUPED, UnresolvedGroup, UnresolvedHost, UnresolvedInventory
from .variables_files import VariablesFiles

__all__ = ["INTERNAL", "Lineage", "Precedence", "assemble", "settle_groups"]

# Ansible computes these itself and leaves them out of every listing, whoever set them
# (INTERNAL_STATIC_VARS in ansible/constants.py).
# fmt: off
INTERNAL = frozenset({
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


def settle_groups(draft: UnresolvedInventory) -> None:
    """Put every group below ``all``, and into ``ungrouped`` exactly the hosts of no other group."""
    for name, group in draft.groups.items():
        if name != ALL and not group.parents:
            draft.add_child(ALL, name, name)
    lineage = Lineage(draft)
    ungrouped = draft.groups[UNGROUPED]
    for host in draft.hosts.values():
        direct = tuple(host.groups)
        if UNGROUPED in direct:
            if lineage.of(direct) - {ALL, UNGROUPED}:
                del host.groups[UNGROUPED], ungrouped.hosts[host.name]
        elif not direct or direct == (ALL,):
            host.groups[UNGROUPED] = None
            ungrouped.hosts[host.name] = None
    for name in draft.groups.keys() & draft.hosts.keys():
        draft.note(f"{name!r} is the name of a group and of a host; Ansible mixes them up")


class Lineage:
    """Which groups a host is in by way of others; worked out once for each combination."""

    def __init__(self, draft: UnresolvedInventory) -> None:
        self._above: dict[str, frozenset[str]] = {}
        self.depth: dict[str, int] = {}
        parents = {name: group.parents for name, group in draft.groups.items()}
        for name in TopologicalSorter(parents).static_order():
            above = parents[name]
            self._above[name] = frozenset(above).union(*(self._above[one] for one in above))
            self.depth[name] = max((self.depth[one] + 1 for one in above), default=0)
        self._known: dict[tuple[str, ...], frozenset[str]] = {}

    def of(self, direct: tuple[str, ...]) -> frozenset[str]:
        """These groups and all that hold them."""
        known = self._known.get(direct)
        if known is None:
            known = frozenset(direct).union(*(self._above[name] for name in direct))
            self._known[direct] = known
        return known


class Precedence:
    """A host's variables out of everything that holds for it."""

    def __init__(
        self,
        draft: UnresolvedInventory,
        lineage: Lineage,
        beside_sources: Sequence[VariablesFiles],
        beside_playbook: Sequence[VariablesFiles],
    ) -> None:
        self._groups = draft.groups
        self._lineage = lineage
        self._beside_sources = beside_sources
        self._beside_playbook = beside_playbook
        self._inherited: dict[tuple[str, ...], dict[str, Any]] = {}

    def of(self, host: UnresolvedHost) -> Mapping[str, Any]:
        """The host's variables; hosts without any of their own share their groups' mapping."""
        direct = tuple(host.groups)
        inherited = self._inherited.get(direct)
        if inherited is None:
            inherited = self._inherited[direct] = self._inherit(direct)
        own = dict(host.variables)
        for files in (*self._beside_sources, *self._beside_playbook):
            own.update(files.of_host(host.name))
        return _shown(inherited | own) if own else inherited

    def of_group(self, group: UnresolvedGroup) -> Mapping[str, Any]:
        """A group's own variables, its group_vars beside the sources included."""
        own = dict(group.variables)
        for files in self._beside_sources:
            own.update(files.of_group(group.name))
        if group.priority != 1:
            own["ansible_group_priority"] = group.priority
        return _shown(own)

    def _inherit(self, direct: tuple[str, ...]) -> dict[str, Any]:
        depth, groups = self._lineage.depth, self._groups
        order = sorted(
            self._lineage.of(direct) - {ALL},
            key=lambda name: (depth[name], groups[name].priority, name),
        )
        inherited = dict(groups[ALL].variables)
        for name in order:
            inherited.update(groups[name].variables)
        for names in ([ALL], order):
            for beside in (self._beside_sources, self._beside_playbook):
                for files in beside:
                    for name in names:
                        inherited.update(files.of_group(name))
        return _shown(inherited)


def assemble(
    draft: UnresolvedInventory,
    lineage: Lineage,
    sources: Sequence[str],
    *,
    host_variables: Callable[[UnresolvedHost], Mapping[str, Any]],
    group_variables: Callable[[UnresolvedGroup], Mapping[str, Any]],
) -> Inventory:
    """The final values out of a draft whose groups are settled."""
    shown: dict[tuple[str, ...], tuple[str, ...]] = {}
    hosts: dict[str, InventoryHost] = {}
    for name, host in draft.hosts.items():
        direct = tuple(host.groups)
        groups = shown.get(direct)
        if groups is None:
            groups = shown[direct] = tuple(sorted(lineage.of(direct) - {ALL, UNGROUPED}))
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
            for name, group in draft.groups.items()
        },
        hosts=hosts,
        sources=tuple(sources),
        notes=tuple(draft.notes),
    )


def _shown(variables: dict[str, Any]) -> dict[str, Any]:
    if INTERNAL.isdisjoint(variables):
        return variables
    return {name: value for name, value in variables.items() if name not in INTERNAL}

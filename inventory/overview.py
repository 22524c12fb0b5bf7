"""Show an inventory as ``ansible-inventory`` does: the ``--list`` document and the ``--graph``.

The tests compare both forms with the output of ansible-core 2.19.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..core.text import escape
from .models import Inventory

__all__ = ["graph_lines", "list_document"]

_ALL = "all"
# The name of the encoding of special values; ansible-inventory has no other for JSON.
_PROFILE = "inventory_legacy"


def list_document(
    inventory: Inventory, variables: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Groups with their children and hosts, and ``_meta.hostvars``, for the hosts in ``variables``.

    Groups without children and such hosts are left out; so are hosts without variables in
    ``hostvars``.
    """
    document: dict[str, Any] = {
        "_meta": {
            "hostvars": {name: values for name, values in variables.items() if values},
            "profile": _PROFILE,
        }
    }
    for group in inventory.groups.values():
        hosts = [] if group.name == _ALL else [name for name in group.hosts if name in variables]
        body = {"children": list(group.children), "hosts": hosts}
        shown = {key: names for key, names in body.items() if names}
        if shown:
            document[group.name] = shown
    return document


def graph_lines(
    inventory: Inventory,
    *,
    selected: Collection[str] | None = None,
    group_variables: Mapping[str, Mapping[str, Any]] | None = None,
    host_variables: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[str]:
    """The tree of groups from ``all`` down, as lines.

    ``selected`` limits it to these hosts and the groups that hold one of them; None: all hosts.
    Where variables are given, each group's and host's variables follow its name, sorted.
    """
    kept = None if selected is None else _groups_holding(inventory, selected)

    def group(name: str, depth: int) -> Iterator[str]:
        described = inventory.groups[name]
        yield _line(f"@{name}:", depth)
        for child in described.children:
            if kept is None or child in kept:
                yield from group(child, depth + 1)
        for host in () if name == _ALL else described.hosts:
            if selected is None or host in selected:
                yield _line(host, depth + 1)
                yield from _variables(host_variables, host, depth + 2)
        yield from _variables(group_variables, name, depth + 1)

    return group(_ALL, 0)


def _groups_holding(inventory: Inventory, selected: Collection[str]) -> set[str]:
    """The groups with a selected host in them or below them."""
    above: dict[str, list[str]] = {}
    for group in inventory.groups.values():
        for child in group.children:
            above.setdefault(child, []).append(group.name)
    waiting = [
        group.name
        for group in inventory.groups.values()
        if any(host in selected for host in group.hosts)
    ]
    kept: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += above.get(name, ())
    return kept


def _variables(
    variables: Mapping[str, Mapping[str, Any]] | None, name: str, depth: int
) -> Iterator[str]:
    values = (variables or {}).get(name, {})
    for key, value in sorted(values.items(), key=lambda item: str(item[0])):
        yield _line(f"{{{key} = {value}}}", depth)


def _line(text: str, depth: int) -> str:
    return "  |" * depth + f"--{escape(text)}" if depth else escape(text)

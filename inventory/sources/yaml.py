"""Ansible's YAML inventories: groups with ``hosts``, ``vars`` and ``children``.

The structure is that of ansible-core 2.19's ``yaml`` inventory plugin. Stricter on purpose: a group
that is not a mapping is refused, where Ansible passes it over with a warning.
"""

from __future__ import annotations

from typing import Any

from ..errors import InventoryError
from ..ranges import host_names
from .unresolved import UnresolvedInventory
from .yaml_text import NeedsAnsible

__all__ = ["check_variable_names", "read_yaml_inventory"]

_SECTIONS = ("vars", "children", "hosts")


def read_yaml_inventory(draft: UnresolvedInventory, data: object, file: str) -> None:
    """Add a parsed YAML or JSON inventory to ``draft``; ``file`` is for messages.

    Raises InventoryError with the path of keys, `NeedsAnsible` for a plugin's configuration.
    """
    if data is None or data == {}:
        draft.note(f"{file}: holds nothing")
        return
    if not isinstance(data, dict):
        raise InventoryError(
            file, f"found {_kind(data)} as the whole document, expected a mapping of groups"
        )
    if data.get("plugin"):
        raise NeedsAnsible(file, f"configures the inventory plugin {data['plugin']!r}")
    try:
        for name, group in data.items():
            _read_group(draft, name, group, file, f"{file}: {name}")
    except RecursionError:
        raise InventoryError(file, "groups are nested too deeply") from None


def check_variable_names(variables: dict[Any, Any]) -> dict[str, Any]:
    """The same variables with texts as names, as JSON would write them (``80`` becomes "80")."""
    return {_text(name): value for name, value in variables.items()}


def _read_group(
    draft: UnresolvedInventory, name: object, body: object, file: str, where: str
) -> str:
    group = draft.add_group(name, where)
    if body is None:
        return group
    if not isinstance(body, dict):
        raise InventoryError(
            where,
            f"found {_kind(body)} as a group, expected a mapping with hosts, vars or children",
        )
    # Every section is judged before the first one is read.
    sections = {key: _section(key, value, where) for key, value in body.items()}
    for key, section in sections.items():
        if section is None:
            continue
        if key == "vars":
            draft.set_group_variables(group, check_variable_names(section), f"{where}.vars")
        elif key == "hosts":
            _read_hosts(draft, group, section, f"{where}.hosts")
        elif key == "children":
            for child, child_body in section.items():
                path = f"{where}.children.{child}"
                draft.add_child(group, _read_group(draft, child, child_body, file, path), path)
        else:
            draft.note(f"{where}: passed over {key!r}; a group has hosts, vars and children only")
    return group


def _section(key: object, value: object, where: str) -> dict[Any, Any] | None:
    if key not in _SECTIONS:
        return {}
    if isinstance(value, str):
        return {value: None}  # "hosts: web1" is short for one host without variables
    if value is None or isinstance(value, dict):
        return value
    raise InventoryError(
        f"{where}.{key}", f"found {_kind(value)}, expected a mapping (each name ends in a colon)"
    )


def _read_hosts(
    draft: UnresolvedInventory, group: str, section: dict[Any, Any], where: str
) -> None:
    for pattern, variables in section.items():
        if not isinstance(pattern, str):
            raise InventoryError(
                where, f"found {pattern!r} as a host name, expected a text (quote numbers)"
            )
        names, port = host_names(pattern, where)
        hosts = draft.add_hosts(names, group, port, where)
        if not variables:
            continue
        if not isinstance(variables, dict):
            raise InventoryError(
                f"{where}.{pattern}", f"found {_kind(variables)}, expected a mapping of variables"
            )
        named = check_variable_names(variables)
        for host in hosts:
            draft.set_host_variables(host, named, f"{where}.{pattern}")


def _text(name: object) -> str:
    if isinstance(name, str):
        return name
    if name is None:
        return "null"
    return str(name).lower() if isinstance(name, bool) else str(name)


def _kind(value: object) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    return f"{type(value).__name__} {value!r}"[:80]

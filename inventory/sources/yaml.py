"""Read Ansible's YAML inventories: groups with ``hosts``, ``vars`` and ``children``.

The structure is that of ansible-core 2.19's ``yaml`` inventory plugin. Two differences, where
Ansible warns and leaves hosts out: a group that is not a mapping is an error, and so is an unknown
key of a group that looks like a mistyped ``hosts``, ``vars`` or ``children``, or that holds one of
them.
"""

from __future__ import annotations

from typing import Any

from ..errors import InventoryError
from ..ranges import expand_host_pattern
from .document_values import SECTIONS, KeyPath, find_intended_section
from .unresolved import UnresolvedInventory
from .yaml_text import NeedsAnsible

__all__ = ["find_variable", "read_yaml_inventory", "stringify_names"]


def read_yaml_inventory(
    unresolved: UnresolvedInventory, data: object, file: str, text: str
) -> None:
    """Add ``data``, parsed from the YAML or JSON ``text``, to ``unresolved``.

    ``file`` and the text's line numbers are for messages. Raises InventoryError with the line or
    the path of keys, `NeedsAnsible` for a plugin's configuration.
    """
    if data is None or data == {}:
        unresolved.add_note(f"{file}: holds nothing")
        return
    if not isinstance(data, dict):
        raise InventoryError(
            file, f"found {_describe(data)} as the whole document, expected a mapping of groups"
        )
    if data.get("plugin"):
        raise NeedsAnsible(file, f"configures the inventory plugin {data['plugin']!r}")
    try:
        for name, group in data.items():
            _read_group(unresolved, name, group, f"{file}: {name}")
            _check_keys(unresolved, (name,), group, file, text)
    except RecursionError:
        raise InventoryError(file, "groups are nested too deeply") from None


def find_variable(path: KeyPath) -> object:
    """Return the name of the variable that ``path`` leads to or into; None: it leads to none."""
    keys = list(path[1:])  # without the name of the top group
    while len(keys) > 1:
        section = keys.pop(0)
        if section == "vars":
            return keys[0]
        if section == "hosts":
            return keys[1] if len(keys) > 1 else None
        if section != "children":
            return None
        del keys[0]  # the child's name
    return None


def stringify_names(variables: dict[Any, Any]) -> dict[str, Any]:
    """Return the variables with text as names, in JSON's form (``80`` becomes "80")."""
    return {_stringify_name(name): value for name, value in variables.items()}


def _read_group(unresolved: UnresolvedInventory, name: object, body: object, where: str) -> str:
    group = unresolved.add_group(name, where)
    if body is None:
        return group
    if not isinstance(body, dict):
        raise InventoryError(
            where,
            f"found {_describe(body)} as a group, expected a mapping with hosts, vars or children",
        )
    # Check every section before the first one is read.
    sections = {key: _check_section(key, value, where) for key, value in body.items()}
    for key, section in sections.items():
        if section is None:
            continue
        if key == "vars":
            unresolved.set_group_variables(group, stringify_names(section), f"{where}.vars")
        elif key == "hosts":
            _read_hosts(unresolved, group, section, f"{where}.hosts")
        elif key == "children":
            for child, child_body in section.items():
                path = f"{where}.children.{child}"
                unresolved.add_child(group, _read_group(unresolved, child, child_body, path), path)
    return group


def _check_keys(
    unresolved: UnresolvedInventory, path: KeyPath, body: object, file: str, text: str
) -> None:
    """Note the unknown keys of a group and its children; raise for one that leaves hosts out."""
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key in SECTIONS:
            continue
        near = find_intended_section(key)
        found = f"{key!r} in the group {path[-1]!r}"
        where = _locate(text, file, (*path, key))
        if near and value:
            raise InventoryError(
                where, f"found {found}, expected hosts, vars or children; did you mean {near}?"
            )
        if _holds_section(value):
            raise InventoryError(
                where,
                f"found {found}, expected hosts, vars or children; a group within it belongs "
                "under children",
            )
        unresolved.add_note(f"{where}: ignored {found}; a group has hosts, vars and children only")
    children = body.get("children")
    if isinstance(children, dict):
        for name, child in children.items():
            _check_keys(unresolved, (*path, "children", name), child, file, text)


def _holds_section(value: object) -> bool:
    return isinstance(value, dict) and any(
        key in ("hosts", "children") or _holds_section(inner) for key, inner in value.items()
    )


def _locate(text: str, file: str, path: KeyPath) -> str:
    # Only files with a mistake pay for finding its line.
    from .yaml_document import find_line

    line = find_line(text, path)
    return f"{file}: {'.'.join(map(str, path[:-1]))}" if line is None else f"{file}:{line}"


def _check_section(key: object, value: object, where: str) -> dict[Any, Any] | None:
    if key not in SECTIONS:
        return {}
    if isinstance(value, str):
        return {value: None}  # "hosts: web1" is short for one host without variables
    if value is None or isinstance(value, dict):
        return value
    raise InventoryError(
        f"{where}.{key}",
        f"found {_describe(value)}, expected a mapping (each name ends in a colon)",
    )


def _read_hosts(
    unresolved: UnresolvedInventory, group: str, section: dict[Any, Any], where: str
) -> None:
    for pattern, variables in section.items():
        if not isinstance(pattern, str):
            raise InventoryError(
                where, f"found {pattern!r} as a host name, expected a text (quote numbers)"
            )
        names, port = expand_host_pattern(pattern, where)
        hosts = unresolved.add_hosts(names, group, port, where)
        if not variables:
            continue
        if not isinstance(variables, dict):
            raise InventoryError(
                f"{where}.{pattern}",
                f"found {_describe(variables)}, expected a mapping of variables",
            )
        named = stringify_names(variables)
        for host in hosts:
            unresolved.set_host_variables(host, named, f"{where}.{pattern}")


def _stringify_name(name: object) -> str:
    if isinstance(name, str):
        return name
    if name is None:
        return "null"
    return str(name).lower() if isinstance(name, bool) else str(name)


def _describe(value: object) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    return f"{type(value).__name__} {value!r}"[:80]

"""Read the JSON that executable sources and ``ansible-inventory --list`` print.

It holds groups by name, each with ``hosts``, ``children`` and ``vars`` or as a list of hosts, and
``_meta.hostvars`` with the hosts' variables: Ansible's "inventory script conventions", as in the
``script`` plugin of ansible-core 2.19.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import InventoryError
from .document_values import SECTIONS, find_intended_section
from .unresolved import UnresolvedInventory

__all__ = ["read_listing"]

_META = "_meta"


def read_listing(
    unresolved: UnresolvedInventory,
    listing: object,
    where: str,
    get_host_variables: Callable[[str], object] | None = None,
) -> None:
    """Add a listing to ``unresolved``.

    ``get_host_variables`` returns one host's variables where the listing has no ``_meta``; None:
    hosts have none then. Raises InventoryError with the path of keys.
    """
    if not isinstance(listing, dict):
        raise _wrong_value(where, listing, "a mapping of groups")
    named: dict[str, None] = {}
    for name, body in listing.items():
        if name != _META:
            _read_group(unresolved, name, body, f"{where}: {name}", named)
    hostvars = _get_hostvars(listing[_META], where) if _META in listing else None
    for host in named:
        if hostvars is not None:
            variables = hostvars.get(host, {})
        elif get_host_variables is not None:
            variables = get_host_variables(host)
        else:
            continue
        path = f"{where}: {_META}.hostvars.{host}"
        if not isinstance(variables, dict):
            raise _wrong_value(path, variables, "a mapping of variables")
        unresolved.set_host_variables(unresolved.hosts[host], variables, path)


def _get_hostvars(meta: object, where: str) -> dict[str, Any]:
    hostvars = meta.get("hostvars") if isinstance(meta, dict) else None
    if not isinstance(hostvars, dict):
        raise _wrong_value(f"{where}: {_META}", meta, "a mapping with a mapping 'hostvars'")
    return hostvars


def _read_group(
    unresolved: UnresolvedInventory, name: str, body: object, where: str, named: dict[str, None]
) -> None:
    group = unresolved.add_group(name, where)
    if not isinstance(body, dict):
        body = {"hosts": body}
    else:
        _check_keys(body, where)
        if not any(key in body for key in SECTIONS):
            body = {"hosts": [group], "vars": body}  # the oldest form: the variables of one host
    for host in _get_names(body, "hosts", where):
        unresolved.add_hosts([host], group, None, where)
        named[host] = None
    variables = body.get("vars", {})
    if not isinstance(variables, dict):
        raise _wrong_value(f"{where}.vars", variables, "a mapping of variables")
    unresolved.set_group_variables(group, variables, f"{where}.vars")
    for child in _get_names(body, "children", where):
        unresolved.add_child(group, unresolved.add_group(child, where), f"{where}.children")


def _check_keys(body: dict[str, Any], where: str) -> None:
    """Raise InventoryError for a mistyped key with a list of names, which Ansible leaves out."""
    for key, value in body.items():
        if key in SECTIONS or not isinstance(value, list):
            continue
        near = find_intended_section(key)
        if near in ("hosts", "children"):
            raise InventoryError(
                f"{where}.{key}",
                f"found {key!r}, expected hosts, vars or children; did you mean {near}?",
            )


def _get_names(body: dict[str, Any], key: str, where: str) -> list[str]:
    names = body.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong_value(f"{where}.{key}", names, "a list of names")
    return names


def _wrong_value(where: str, found: object, expected: str) -> InventoryError:
    return InventoryError(where, f"found {repr(found)[:80]}, expected {expected}")

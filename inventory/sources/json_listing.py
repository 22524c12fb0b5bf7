"""The JSON that executable sources and ``ansible-inventory --list`` print.

Groups by name, each with ``hosts``, ``children`` and ``vars`` or just a list of hosts, and
``_meta.hostvars`` with the hosts' variables: Ansible's "inventory script conventions", as the
``script`` plugin of ansible-core 2.19 takes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import InventoryError
from .unresolved import UnresolvedInventory

__all__ = ["read_listing"]

_META = "_meta"
_KEYS = ("hosts", "vars", "children")


def read_listing(
    draft: UnresolvedInventory,
    listing: object,
    where: str,
    ask_host: Callable[[str], object] | None = None,
) -> None:
    """Add a listing to ``draft``.

    ``ask_host`` gives one host's variables where the listing has no ``_meta``; None: there are
    none then. Raises InventoryError with the path of keys.
    """
    if not isinstance(listing, dict):
        raise _wrong(where, listing, "a mapping of groups")
    named: dict[str, None] = {}
    for name, body in listing.items():
        if name != _META:
            _read_group(draft, name, body, f"{where}: {name}", named)
    hostvars = _hostvars(listing[_META], where) if _META in listing else None
    for host in named:
        if hostvars is not None:
            variables = hostvars.get(host, {})
        elif ask_host is not None:
            variables = ask_host(host)
        else:
            continue
        path = f"{where}: {_META}.hostvars.{host}"
        if not isinstance(variables, dict):
            raise _wrong(path, variables, "a mapping of variables")
        draft.set_host_variables(draft.hosts[host], variables, path)


def _hostvars(meta: object, where: str) -> dict[str, Any]:
    hostvars = meta.get("hostvars") if isinstance(meta, dict) else None
    if not isinstance(hostvars, dict):
        raise _wrong(f"{where}: {_META}", meta, "a mapping with a mapping 'hostvars'")
    return hostvars


def _read_group(
    draft: UnresolvedInventory, name: str, body: object, where: str, named: dict[str, None]
) -> None:
    group = draft.add_group(name, where)
    if not isinstance(body, dict):
        body = {"hosts": body}
    elif not any(key in body for key in _KEYS):
        body = {"hosts": [group], "vars": body}  # the oldest form: a host of its own
    for host in _names(body, "hosts", where):
        draft.add_hosts([host], group, None, where)
        named[host] = None
    variables = body.get("vars", {})
    if not isinstance(variables, dict):
        raise _wrong(f"{where}.vars", variables, "a mapping of variables")
    draft.set_group_variables(group, variables, f"{where}.vars")
    for child in _names(body, "children", where):
        draft.add_child(group, draft.add_group(child, where), f"{where}.children")


def _names(body: dict[str, Any], key: str, where: str) -> list[str]:
    names = body.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong(f"{where}.{key}", names, "a list of names")
    return names


def _wrong(where: str, found: object, expected: str) -> InventoryError:
    return InventoryError(where, f"found {repr(found)[:80]}, expected {expected}")

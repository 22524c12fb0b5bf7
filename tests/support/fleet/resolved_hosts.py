"""Hosts resolved from variables that a test contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.connection.resolve import resolve_hosts
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import Group, Host, Inventory, InventoryHost

__all__ = ["NOTHING", "fault", "inventory", "one"]

NOTHING = ConnectionDefaults()


def inventory(
    hosts: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    member_of: tuple[str, ...] = (),
) -> Inventory:
    """An inventory of hosts and groups by name, with variables; all hosts have the same groups."""
    return Inventory(
        groups={
            name: Group(name=name, variables=variables)
            for name, variables in (groups or {}).items()
        },
        hosts={
            name: InventoryHost(
                name=name, groups=member_of, variables=variables, source="inventory.yml: all.hosts"
            )
            for name, variables in hosts.items()
        },
        sources=("inventory.yml",),
    )


def one(
    variables: Mapping[str, Any], defaults: ConnectionDefaults = NOTHING, name: str = "web1"
) -> Host:
    """The one host of an inventory with these variables."""
    (host,), _ = resolve_hosts(inventory({name: variables}), [name], defaults)
    return host


def fault(variables: Mapping[str, Any], name: str = "web1") -> str:
    """The error for a host whose variables are invalid."""
    with pytest.raises(InventoryError) as caught:
        one(variables, name=name)
    return str(caught.value)

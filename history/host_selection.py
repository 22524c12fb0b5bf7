"""Which hosts of a store a pattern selects, by the names and groups that the store knows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from ..core.errors import UsageError
from ..inventory.errors import NoMatchError
from ..inventory.models import Group, Inventory, InventoryHost
from ..inventory.patterns import Selection, match_hosts

__all__ = ["Grouped", "check_pattern", "describe_unmatched", "select_hosts"]


class Grouped(Protocol):
    """A host that knows its groups: one of the store, or one of a scan."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Their names."""
        ...


def select_hosts(facts: Mapping[str, Grouped], pattern: str, source: str) -> Selection:
    """Select hosts as Ansible's --limit does; ``source`` is for messages. Raises UsageError."""
    return match_hosts(_as_inventory(facts, source), pattern)


def check_pattern(pattern: str) -> None:
    """Raise UsageError for a pattern that is none, whatever hosts there are; a file is none."""
    if pattern.startswith("@"):
        raise UsageError("the pattern names hosts and groups, and no file")
    any_host = InventoryHost(name="x", groups=("all",), variables={})
    inventory = Inventory(
        groups={"all": Group(name="all", hosts=("x",))}, hosts={"x": any_host}, sources=()
    )
    with suppress(NoMatchError):
        match_hosts(inventory, pattern)


def describe_unmatched(facts: Mapping[str, Grouped], pattern: str) -> str | None:
    """Which parts of a pattern select no host of a store; None: each selects one."""
    try:
        notes = match_hosts(_as_inventory(facts, "the store"), pattern, place="the store").notes
    except UsageError as error:  # a pattern that an older version kept may be none
        return str(error)
    return "; ".join(notes) or None


def _as_inventory(facts: Mapping[str, Grouped], source: str) -> Inventory:
    """Return the hosts and groups of a store in the form in which patterns select them."""
    members: dict[str, list[str]] = {}
    for name, fact in facts.items():
        for group in fact.groups:
            members.setdefault(group, []).append(name)
    groups = {name: Group(name=name, hosts=tuple(hosts)) for name, hosts in members.items()}
    groups["all"] = Group(name="all", hosts=tuple(facts))
    return Inventory(
        groups=groups,
        hosts={
            name: InventoryHost(name=name, groups=fact.groups, variables={})
            for name, fact in facts.items()
        },
        sources=(source,),
    )

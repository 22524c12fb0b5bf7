"""``sockfleet_max_connections``: how many hosts of a group may be connected at once."""

from __future__ import annotations

from ...core.text import quote
from ..errors import InventoryError
from ..models import Inventory

__all__ = ["GroupCaps"]

_VARIABLE = "sockfleet_max_connections"


class GroupCaps:
    """The caps that the groups' own variables set, and which of them hold for a host."""

    def __init__(self, inventory: Inventory) -> None:
        """Raises InventoryError for a cap that is no whole number of 1 or more."""
        self._caps: dict[str, int] = {}
        self._known: dict[tuple[str, ...], tuple[tuple[str, int], ...]] = {}
        for group in inventory.groups.values():
            value = group.variables.get(_VARIABLE)
            if value is not None:
                self._caps[group.name] = _judged(group.name, value)

    def of(self, groups: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
        """(group, cap) for a host in ``groups``, ancestors included, ``all`` left out."""
        if groups not in self._known:
            member_of = {"all", *(groups or ("ungrouped",))}
            self._known[groups] = tuple(
                (group, cap) for group, cap in self._caps.items() if group in member_of
            )
        return self._known[groups]


def _judged(group: str, value: object) -> int:
    digits = str(value)
    if not isinstance(value, bool) and digits.isascii() and digits.isdigit() and int(digits[:9]):
        return int(digits[:9])
    raise InventoryError(
        f"group {quote(group)}: {_VARIABLE}",
        f"found {quote(value)}, expected a whole number of 1 or more",
    )

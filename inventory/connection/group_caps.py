"""``sockfleet_max_connections``: the maximum number of connections at once in a group."""

from __future__ import annotations

from ...core.text import quote
from ..errors import InventoryError
from ..models import Inventory

__all__ = ["GroupCaps"]

_VARIABLE = "sockfleet_max_connections"


class GroupCaps:
    """The caps that the groups' own variables set."""

    def __init__(self, inventory: Inventory) -> None:
        """Raise InventoryError for a cap that is no whole number of 1 or more."""
        self._caps: dict[str, int] = {}
        self._known: dict[tuple[str, ...], tuple[tuple[str, int], ...]] = {}
        for group in inventory.groups.values():
            value = group.variables.get(_VARIABLE)
            if value is not None:
                self._caps[group.name] = _check_cap(group.name, value)

    def for_host_in(self, groups: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
        """Return (group, cap) pairs that apply to a host in ``groups``.

        ``groups`` includes ancestors and excludes ``all``, as in `InventoryHost.groups`.
        """
        if groups not in self._known:
            member_of = {"all", *(groups or ("ungrouped",))}
            self._known[groups] = tuple(
                (group, cap) for group, cap in self._caps.items() if group in member_of
            )
        return self._known[groups]


def _check_cap(group: str, value: object) -> int:
    digits = str(value)
    if not isinstance(value, bool) and digits.isascii() and digits.isdigit() and int(digits[:9]):
        return int(digits[:9])
    raise InventoryError(
        f"group {quote(group)}: {_VARIABLE}",
        f"found {quote(value)}, expected a whole number of 1 or more",
    )

"""The inventory's errors."""

from __future__ import annotations

from ..core.errors import UsageError

__all__ = ["InventoryError", "NoMatchError"]


class InventoryError(UsageError):
    """A source of hosts that cannot be read, or holds an invalid value.

    ``where`` is the file with its line, or with the path of keys in it (``inventory.yml:12``,
    ``inventory.yml: all.children.web.hosts``); ``problem`` states what was found and what was
    expected.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")


class NoMatchError(UsageError):
    """A valid pattern that selects no host."""

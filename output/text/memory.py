"""A column of memory in one unit, so that its numbers compare at a glance."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.record import record
from ...core.text import count_text

__all__ = ["MemoryUnit", "memory_unit"]

_UNITS = (("KIB", 1024), ("MIB", 1024**2), ("GIB", 1024**3), ("TIB", 1024**4))
_MOST = 100_000
"""From this many of a unit on, the column takes the next one."""


@record
class MemoryUnit:
    """The unit of a column."""

    name: str
    bytes: int

    @property
    def title(self) -> str:
        """The title of the column: ``MEM_KIB``."""
        return f"MEM_{self.name}"

    def format(self, size_bytes: int | None, pages: int | None) -> str | int:
        """A size in this unit; in pages where the host gave no page size, empty without either."""
        if size_bytes is None:
            return "" if pages is None else count_text(pages, "page")
        amount = round(size_bytes / self.bytes)
        if amount == 0 and size_bytes > 0:
            return "<1"
        return amount


def memory_unit(sizes: Iterable[int | None]) -> MemoryUnit:
    """The smallest unit in which the largest of the sizes has at most five digits."""
    largest = max((abs(size) for size in sizes if size is not None), default=0)
    name, size = next((unit for unit in _UNITS if largest < _MOST * unit[1]), _UNITS[-1])
    return MemoryUnit(name=name, bytes=size)

"""One performance budget: a figure and its upper limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Budget", "exit_code", "to_row"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A measured figure and its limit; printed as one line."""

    name: str
    figure: float | None
    """None if it could not be measured; the budget then counts as missed."""
    limit: float
    unit: str = ""
    """Empty for ratios and counts."""
    why_not: str = ""
    """Why there is no figure."""

    @property
    def held(self) -> bool:
        return self.figure is not None and self.figure <= self.limit

    def __str__(self) -> str:
        limit = f"{self.limit:g} {self.unit}".rstrip()
        if self.figure is None:
            return f"{self.name:48} {'-':>9}  budget {limit:8} MISSED: {self.why_not}"
        verdict = "held" if self.held else "MISSED"
        return f"{self.name:48} {self.figure:9.3f}  budget {limit:8} {verdict}"


def to_row(budget: Budget) -> dict[str, Any]:
    """Return the row that `spread` reads: one budget of one run."""
    return {**asdict(budget), "held": budget.held}


def exit_code(budgets: Sequence[Budget]) -> int:
    """Return 0 if there are budgets and all are held, else 1."""
    return 0 if budgets and all(each.held for each in budgets) else 1

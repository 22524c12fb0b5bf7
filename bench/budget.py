"""One budget of the design: a figure that may be as large as its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Budget", "exit_code", "to_row"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What was measured beside what it may be; printed as one line."""

    name: str
    figure: float | None
    """None where it could not be measured, which holds no budget."""
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
        said = "held" if self.held else "MISSED"
        return f"{self.name:48} {self.figure:9.3f}  budget {limit:8} {said}"


def to_row(budget: Budget) -> dict[str, Any]:
    """What `spread` reads of one budget of one run."""
    return {**asdict(budget), "held": budget.held}


def exit_code(budgets: Sequence[Budget]) -> int:
    """0 where every budget is held, and there is one."""
    return 0 if budgets and all(each.held for each in budgets) else 1

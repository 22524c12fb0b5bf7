"""Classes that hold values: cheap to define and to make, as each host takes some twenty of them.

Here, in the lowest layer, because every layer has some.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

__all__ = ["record"]

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(values: type[T]) -> type[T]:
    """A data class with slots, made by keywords, hashed by its values and not to be changed.

    The type checker holds that nobody changes one, and nothing does at run time: a data class
    that is frozen there takes three to four times as long to make, twice as long to define, and
    90 of them are defined before the first host is asked (bench/RESULTS.md, the budgets of one
    host and of 100,000 readings).
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(values)

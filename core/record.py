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
    that is frozen there takes 2.7 times as long to make and half as long again to define (one of
    nine fields: 1.9 against 0.7 µs, 1.0 against 0.7 ms).
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(values)

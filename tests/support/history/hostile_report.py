"""A report in which every text is another one: of hosts, groups, processes, containers, errors."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

__all__ = ["with_texts"]


def with_texts(value: Any, make: Callable[[str], str]) -> Any:
    """Return the value with ``make`` of each text in it; words of a fixed vocabulary stay.

    It follows every field of every record, so that a text which a report gets later is among them.
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        return make(value)
    if isinstance(value, tuple):
        return tuple(with_texts(each, make) for each in value)
    if hasattr(value, "__dataclass_fields__"):
        fields = value.__dataclass_fields__
        return type(value)(**{name: with_texts(getattr(value, name), make) for name in fields})
    return value

"""Classes that hold values: cheap to define and to make, as each host takes some twenty of them.

Here, in the lowest layer, because every layer has some.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

__all__ = ["record"]

T = TypeVar("T")

_completing = threading.RLock()
"""Held while the methods of a class are generated; a derived class completes its base within."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(values: type[T]) -> type[T]:
    """A data class with slots, made by keywords, hashed by its values and not to be changed.

    The type checker holds that nobody changes one, and nothing does at run time: a data class
    that is frozen there takes 2.7 times as long to make (one of nine fields: 1.9 against 0.7 µs).

    The class itself is made at once, and its fields and methods when the first of them is used. A
    command imports about ninety records, uses half of them, and `dataclass` takes ten times as long
    as the class alone (0.4 against 0.04 ms).
    """
    made = _add_slots(values)
    _initialize_on_first_use(made, values)
    _generate_on_first_use(made)
    return made


def _add_slots(values: type[T]) -> type[T]:
    """The same class with a slot for each field, as ``dataclass(slots=True)`` makes it."""
    names = values.__annotations__
    inherited = {name for base in values.__mro__[1:] for name in vars(base).get("__slots__", ())}
    namespace = {name: value for name, value in vars(values).items() if name not in names}
    for of_former_class in ("__dict__", "__weakref__"):
        namespace.pop(of_former_class, None)
    namespace["__slots__"] = tuple(name for name in names if name not in inherited)
    namespace["__qualname__"] = values.__qualname__
    make_class: Callable[..., type[T]] = type(values)
    return make_class(values.__name__, values.__bases__, namespace)


class _FieldsOnFirstUse:
    """``__dataclass_fields__`` of a class that is not complete: `dataclasses` looks for it."""

    def __init__(self, complete: Callable[[], type]) -> None:
        self._complete = complete

    def __get__(self, _instance: object, _owner: type) -> object:
        return vars(self._complete())["__dataclass_fields__"]


def _initialize_on_first_use(made: type, values: type) -> None:
    """Give ``made`` the __init__ and the fields that `dataclass` makes from ``values``."""

    def complete() -> type:
        with _completing:
            if vars(made)["__init__"] is initialize:
                before = set(vars(values))
                dataclass(kw_only=True, repr=False, eq=False)(values)
                for name, value in list(vars(values).items()):
                    if name not in before and name not in values.__annotations__:
                        setattr(made, name, value)
        return made

    def initialize(self: object, *args: object, **given: object) -> None:
        vars(complete())["__init__"](self, *args, **given)

    made.__init__ = initialize  # type: ignore[misc]  # mypy takes every __init__ for the final one
    made.__dataclass_fields__ = _FieldsOnFirstUse(complete)  # type: ignore[attr-defined]  # as above


def _generate_on_first_use(kind: type) -> None:
    """Give ``kind`` the __eq__, __hash__ and __repr__ of a data class, each generated when needed.

    A scan uses few of them, and to generate all takes two thirds of the time of a definition.
    """

    def generate(name: str) -> Callable[..., Any]:
        twin = type(kind.__name__, (kind,), {"__slots__": ()})
        methods = vars(dataclass(init=False, unsafe_hash=True)(twin))
        for each in missing:
            setattr(kind, each, methods[each])
        method: Callable[..., Any] = methods[name]
        return method

    first_uses: dict[str, Callable[..., Any]] = {
        "__eq__": lambda self, other: generate("__eq__")(self, other),
        "__hash__": lambda self: generate("__hash__")(self),
        "__repr__": lambda self: generate("__repr__")(self),
    }
    missing = [name for name in first_uses if name not in vars(kind)]
    for name in missing:
        setattr(kind, name, first_uses[name])

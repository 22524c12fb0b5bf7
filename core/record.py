"""Classes that hold values: cheap to define and to make, as each host takes some twenty of them.

Here, in the lowest layer, because every layer has some.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field
from functools import cache
from itertools import count
from operator import attrgetter
from reprlib import recursive_repr
from typing import TypeVar, dataclass_transform

__all__ = ["mutable", "record", "replace_fields"]

T = TypeVar("T")
_Values = Callable[[object], tuple[object, ...]]

_FEW = 50
"""So many instances are made without a generated __init__, which takes as long as a hundred."""

_generating = threading.RLock()
"""Held while `dataclass` adds to a class; a derived class needs the fields of its base within."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(values: type[T]) -> type[T]:
    """A data class with slots, made by keywords, hashed by its values and not to be changed.

    The type checker holds that nobody changes one, and nothing does at run time: a data class
    that is frozen there takes 2.7 times as long to make (one of nine fields: 1.9 against 0.7 µs).

    `dataclass` compiles methods from text, which takes ten times as long as the class alone (0.4
    against 0.04 ms). A command defines about ninety records and makes a few of most, so only those
    that become many get a compiled __init__.
    """
    made = _define(values, kw_only=True)
    _compare_by_values(made)
    return made


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def mutable(values: type[T]) -> type[T]:
    """As `record`, for what changes: an instance equals only itself. It may be made by position."""
    return _define(values, kw_only=False)


def replace_fields(instance: T, **changes: object) -> T:
    """A copy of a record with other values in some fields.

    As `dataclasses.replace`, which takes three times as long.
    """
    made_as: Callable[..., T] = type(instance)
    names, values_of = _fields_of(made_as)
    return made_as(**{**dict(zip(names, values_of(instance), strict=True)), **changes})


@cache
def _fields_of(made: Callable[..., object]) -> tuple[tuple[str, ...], _Values]:
    """The names of a record's fields, and a function that returns their values."""
    names = tuple(vars(made)["__record_fields__"])
    return names, attrgetter(*names) if len(names) > 1 else lambda one: (getattr(one, *names),)


def _define(values: type[T], *, kw_only: bool) -> type[T]:
    made = _add_slots(values)
    _initialize_on_first_use(made, values, kw_only=kw_only)
    _add_methods(made, {"__repr__": _print_values(made)})
    return made


def _add_slots(values: type[T]) -> type[T]:
    """The same class with a slot for each field, as ``dataclass(slots=True)`` makes it.

    ``__record_fields__`` has what each field is assigned, or MISSING, by its name.
    """
    own = {name: vars(values).get(name, MISSING) for name in values.__annotations__}
    inherited: dict[str, object] = {}
    for base in reversed(values.__mro__[1:]):
        inherited.update(vars(base).get("__record_fields__", {}))
    namespace = {name: value for name, value in vars(values).items() if name not in own}
    for of_former_class in ("__dict__", "__weakref__"):
        namespace.pop(of_former_class, None)
    namespace["__slots__"] = tuple(name for name in own if name not in inherited)
    namespace["__record_fields__"] = {**inherited, **own}
    namespace["__qualname__"] = values.__qualname__
    make_class: Callable[..., type[T]] = type(values)
    return make_class(values.__name__, values.__bases__, namespace)


class _FieldsOnFirstUse:
    """``__dataclass_fields__`` of ``made`` until `dataclasses` looks for it."""

    def __init__(self, made: type, values: type, *, kw_only: bool) -> None:
        self._made, self._values, self._kw_only = made, values, kw_only
        names = values.__annotations__
        self._assigned = {name: vars(values)[name] for name in names if name in vars(values)}

    def __get__(self, _instance: object, owner: type) -> object:
        with _generating:
            if vars(self._made)["__dataclass_fields__"] is self:
                self._generate(init=False)
        return owner.__dataclass_fields__  # type: ignore[attr-defined]  # of ``made``, by now

    def replace_init(self, initialize: Callable[..., None]) -> None:
        """Generate the __init__, unless another thread has replaced ``initialize`` meanwhile."""
        with _generating:
            if vars(self._made)["__init__"] is initialize:
                self._generate(init=True)

    def _generate(self, *, init: bool) -> None:
        values = self._values
        for name, value in self._assigned.items():  # `dataclass` took them away the first time
            setattr(values, name, value)
        before = set(vars(values))
        dataclass(init=init, kw_only=self._kw_only, repr=False, eq=False)(values)
        for name, value in list(vars(values).items()):
            if name not in before and name not in values.__annotations__:
                setattr(self._made, name, value)


def _initialize_on_first_use(made: type, values: type, *, kw_only: bool) -> None:
    """Give ``made`` an __init__, and the fields that `dataclass` makes from ``values``."""
    bind_arguments = _argument_binder(made, kw_only=kw_only)
    has_post_init = hasattr(made, "__post_init__")
    made_before = count()
    fields = _FieldsOnFirstUse(made, values, kw_only=kw_only)

    def initialize(self: object, *args: object, **given: object) -> None:
        found = bind_arguments(args, given) if next(made_before) < _FEW else None
        if found is None:  # the generated __init__ also says what is wrong with arguments
            fields.replace_init(initialize)
            vars(made)["__init__"](self, *args, **given)
            return
        for name, value in found.items():
            setattr(self, name, value)
        if has_post_init:
            made.__post_init__(self)  # type: ignore[attr-defined]  # as `dataclass` calls it

    made.__init__ = initialize  # type: ignore[misc]  # mypy takes every __init__ for the final one
    made.__dataclass_fields__ = fields  # type: ignore[attr-defined]  # not of every class


def _argument_binder(
    made: type, *, kw_only: bool
) -> Callable[[Sequence[object], Mapping[str, object]], dict[str, object] | None]:
    """A function that returns the value of each field; None for arguments that do not fit."""
    fields: dict[str, object] = vars(made)["__record_fields__"]
    defaults: dict[str, object] = {}
    factories: dict[str, Callable[[], object]] = {}
    for name, assigned in fields.items():
        default = assigned.default if isinstance(assigned, Field) else assigned
        if default is not MISSING:
            defaults[name] = default
        elif isinstance(assigned, Field) and assigned.default_factory is not MISSING:
            factories[name] = assigned.default_factory
    most_by_position = 0 if kw_only else len(fields)

    def bind(args: Sequence[object], given: Mapping[str, object]) -> dict[str, object] | None:
        if len(args) > most_by_position:
            return None
        by_position = dict(zip(fields, args, strict=False))
        found = {**defaults, **by_position, **given}
        for name in factories.keys() - found.keys():
            found[name] = factories[name]()
        fits = found.keys() == fields.keys() and not by_position.keys() & given.keys()
        return found if fits else None

    return bind


def _compare_by_values(made: type) -> None:
    """Give ``made`` the __eq__ and __hash__ of a data class."""
    values_of = _values_getter(made, "compare")

    def equals(self: object, other: object) -> object:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values_of(self) == values_of(other)

    _add_methods(made, {"__eq__": equals, "__hash__": lambda self: hash(values_of(self))})


def _print_values(made: type) -> Callable[[object], str]:
    """Make the __repr__ of a data class."""
    shown = _names(made, "repr")

    @recursive_repr()
    def show(self: object) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({values})"

    return show


def _values_getter(made: type, use: str) -> Callable[[object], tuple[object, ...]]:
    """A function that returns the values of the fields that count for ``use``."""
    names = _names(made, use)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _names(made: type, use: str) -> list[str]:
    fields: dict[str, object] = vars(made)["__record_fields__"]
    return [
        name
        for name, assigned in fields.items()
        if not isinstance(assigned, Field) or getattr(assigned, use)
    ]


def _add_methods(made: type, methods: dict[str, Callable[..., object]]) -> None:
    """Give ``made`` those of the methods that it does not define itself."""
    for name, method in methods.items():
        if name not in vars(made):
            setattr(made, name, method)

"""Scenario files: YAML in, a `Scenario` out; whatever is not known there is refused by its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import NoReturn, TypeVar

from ...inventory.errors import InventoryError
from ..errors import ScenarioError
from ..host.profiles import PROFILES, Span, span_names, with_spans
from .faults import Fault
from .scenario import Delays, HostKeys, Role, Scenario, Seconds

__all__ = ["MOST_HOSTS", "choose_scenario", "load_scenario", "parse_scenario"]

MOST_HOSTS = 100_000
"""In one fleet: each takes a descriptor, and 127.64.0.0/10 has room for them."""

_MOST_SOCKETS = 10_000_000
_MOST_SECONDS = 3600.0
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_ALGORITHM = re.compile(r"[a-z0-9][a-z0-9@.-]{0,63}")

T = TypeVar("T")
D = TypeVar("D")


def choose_scenario(
    path: Path | None = None, *, hosts: int | None = None, seed: int | None = None
) -> Scenario:
    """The scenario of a file, or the demo's, with as many hosts and the seed asked for.

    None leaves what the scenario says. Raises ScenarioError.
    """
    if path is None:
        text = (files(__package__) / "demo.yml").read_text("utf-8")
        scenario = parse_scenario(text, "the demo's scenario")
    else:
        scenario = load_scenario(path)
    if hosts is not None:
        scenario = scenario.scaled(hosts)
    return scenario if seed is None else replace(scenario, seed=seed)


def load_scenario(path: Path) -> Scenario:
    """The scenario of a file. Raises ScenarioError where it cannot be read or used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), f"cannot be read: {error}") from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, source: str) -> Scenario:
    """The scenario of a YAML text; ``source`` stands for it in messages. Raises ScenarioError."""
    from ...inventory.sources.yaml_text import NeedsAnsible, parse_yaml

    try:
        document = parse_yaml(text, source)
    except InventoryError as error:
        raise ScenarioError(error.where, error.problem) from error
    except NeedsAnsible as error:
        raise ScenarioError(error.where, error.reason) from error
    top = _Keys(document, source)
    keys = top.inner("roles")
    scenario = Scenario(
        roles=tuple(_role(keys, name) for name in keys),
        seed=top.take("seed", _whole(0, 2**63), 1),
        user=top.take("user", _text(_USER, "a user's name"), "probe"),
        host_keys=HostKeys(top.take("host_keys", _one_of(HostKeys), HostKeys.OWN)),
        key_exchange=top.take("key_exchange", _texts(_ALGORITHM, "key exchanges"), ()),
    )
    top.end()
    if not scenario.roles:
        keys.fail("no role: expected at least one")
    if (count := sum(role.count for role in scenario.roles)) > MOST_HOSTS:
        keys.fail(f"{count} hosts: expected at most {MOST_HOSTS}")
    return scenario


class _ValueProblemError(ValueError):
    """What is wrong with one value, its place not yet said."""


class _Keys:
    """A mapping of the file, read key by key; what nobody took is an error."""

    def __init__(self, value: object, source: str, *path: str) -> None:
        self._source = source
        self._path = path
        self._taken: list[object] = []
        if not isinstance(value, dict):
            self.fail(f"{_seen(value)}: expected a mapping")
        self._values: dict[object, object] = value

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def fail(self, problem: str, *path: str) -> NoReturn:
        """Raise ScenarioError for this mapping, or what stands below it."""
        keys = ".".join((*self._path, *path))
        raise ScenarioError(f"{self._source}: {keys}" if keys else self._source, problem)

    def take(self, key: str, read: Callable[[object], T], default: D) -> T | D:
        """The value of ``key`` as ``read`` understands it, or the default without it."""
        self._taken.append(key)
        if key not in self._values:
            return default
        try:
            return read(self._values[key])
        except _ValueProblemError as problem:
            self.fail(str(problem), key)

    def inner(self, key: str) -> _Keys:
        """The mapping below ``key``; without it, or with nothing there, an empty one."""
        value = self.take(key, lambda value: value, None)
        return _Keys({} if value is None else value, self._source, *self._path, key)

    def end(self) -> None:
        """Refuse what was not taken."""
        for key in self._values:
            if key not in self._taken:
                self.fail(f"{_seen(key)} is not known here: there are {self._known()}")

    def _known(self) -> str:
        return ", ".join(map(str, self._taken))


def _role(roles: _Keys, name: object) -> Role:
    if not (isinstance(name, str) and _WORD.fullmatch(name)):
        roles.fail(f"{_seen(name)}: expected a role's name of {_WORD.pattern}")
    keys = roles.inner(name)
    profile = PROFILES[keys.take("profile", _one_of(PROFILES), "idle")]
    sockets = keys.inner("sockets")
    spans = {key: sockets.take(key, _span, getattr(profile, key)) for key in span_names()}
    sockets.end()
    fault = keys.take("fault", _one_of(Fault), None)
    role = Role(
        name=name,
        count=keys.take("count", _whole(1, MOST_HOSTS), 1),
        groups=keys.take("groups", _texts(_GROUP, "groups"), ()),
        variables=keys.take("variables", _variables, {}),
        profile=with_spans(profile, spans),
        ipv6=keys.take("ipv6", _switch, default=True),
        delays=_delays(keys.inner("delays")),
        fault=None if fault is None else Fault(fault),
    )
    keys.end()
    return role


def _delays(keys: _Keys) -> Delays:
    none = (0.0, 0.0)
    delays = Delays(
        banner_s=keys.take("banner_s", _seconds, none),
        auth_s=keys.take("auth_s", _seconds, none),
        command_s=keys.take("command_s", _seconds, none),
    )
    keys.end()
    return delays


def _seen(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _refuse(value: object, expected: str) -> NoReturn:
    raise _ValueProblemError(f"{_seen(value)}: expected {expected}")


def _switch(value: object) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "true or false")


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _refuse(value, f"a whole number from {least} to {most}")
        return value

    return read


def _text(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not (isinstance(value, str) and pattern.fullmatch(value)):
            _refuse(value, f"{what} of {pattern.pattern}")
        return value

    return read


def _one_of(names: Iterable[str]) -> Callable[[object], str]:
    known = [str(name) for name in names]

    def read(value: object) -> str:
        if not (isinstance(value, str) and value in known):
            _refuse(value, f"one of {', '.join(known)}")
        return value

    return read


def _span(value: object) -> Span:
    number = _whole(0, _MOST_SOCKETS)
    least, most = map(number, _pair(value))
    return (least, most) if least <= most else _refuse(value, "the smaller number first")


def _seconds(value: object) -> Seconds:
    least, most = map(_number, _pair(value))
    if not 0 <= least <= most <= _MOST_SECONDS:  # NaN is not, either
        _refuse(value, f"seconds from 0 to {_MOST_SECONDS:g}, the smaller first")
    return least, most


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(value, "seconds, or a list of the least and the most of them")
    return float(value) if abs(value) <= _MOST_SECONDS else _MOST_SECONDS + 1


def _pair(value: object) -> tuple[object, object]:
    if isinstance(value, list) and len(value) == 2:
        return value[0], value[1]
    return value, value


def _texts(pattern: re.Pattern[str], what: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            _refuse(value, f"a list of {what}")
        return tuple(map(_text(pattern, f"the name of one of the {what}"), value))

    return read


def _variables(value: object) -> Mapping[str, str | int]:
    if not isinstance(value, dict):
        _refuse(value, "a mapping of variables")
    for key, one in value.items():
        if not (isinstance(key, str) and _GROUP.fullmatch(key) and isinstance(one, str | int)):
            _refuse({key: one}, "a variable's name and a text or a whole number")
    return value

"""Read scenario files in YAML; unknown keys and invalid values are refused by their path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import NoReturn, TypeVar

from ...core.text import quote
from ...inventory.errors import InventoryError
from ..errors import ScenarioError
from ..host.profiles import PROFILES, Span, replace_spans, span_names
from .faults import Fault
from .scenario import Delays, HostKeys, Role, Scenario, Seconds

__all__ = ["MOST_HOSTS", "choose_scenario", "load_scenario", "parse_scenario"]

MOST_HOSTS = 100_000
"""In one fleet: each host needs a descriptor and an address of 127.64.0.0/10."""

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
    """Return the scenario of a file, or the demo's, with ``hosts`` hosts and another ``seed``.

    None keeps the scenario's own number. Raises ScenarioError.
    """
    if path is None:
        text = (files(__package__) / "demo.yml").read_text("utf-8")
        scenario = parse_scenario(text, "the demo's scenario")
    else:
        scenario = load_scenario(path)
    if hosts is not None:
        scenario = scenario.scale_to(hosts)
    return scenario if seed is None else replace(scenario, seed=seed)


def load_scenario(path: Path) -> Scenario:
    """Read the scenario of a file. Raises ScenarioError where it cannot be read or is invalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(str(path), f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(str(path), f"cannot be read: {error}") from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, source: str) -> Scenario:
    """Parse a scenario in YAML; messages call the text ``source``. Raises ScenarioError."""
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
        roles=tuple(_read_role(keys, name) for name in keys),
        seed=top.take("seed", _whole_number(0, 2**63), 1),
        user=top.take("user", _text(_USER, "a user's name"), "probe"),
        host_keys=HostKeys(top.take("host_keys", _one_of(HostKeys), HostKeys.OWN)),
        key_exchange=top.take("key_exchange", _texts(_ALGORITHM, "key exchanges"), ()),
    )
    top.refuse_unknown()
    if not scenario.roles:
        keys.fail("no role: expected at least one")
    if (count := sum(role.count for role in scenario.roles)) > MOST_HOSTS:
        keys.fail(f"{count} hosts: expected at most {MOST_HOSTS}")
    return scenario


class _ValueProblemError(ValueError):
    """An invalid value, without its path of keys."""


class _Keys:
    """A mapping of the file, read key by key, so that unknown keys can be refused."""

    def __init__(self, value: object, source: str, *path: str) -> None:
        self._source = source
        self._path = path
        self._taken: list[object] = []
        if not isinstance(value, dict):
            self.fail(f"{_quote(value)}: expected a mapping")
        self._values: dict[object, object] = value

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def fail(self, problem: str, *path: str) -> NoReturn:
        """Raise ScenarioError for this mapping, or for the value at ``path`` in it."""
        keys = ".".join((*self._path, *path))
        raise ScenarioError(f"{self._source}: {keys}" if keys else self._source, problem)

    def take(self, key: str, read: Callable[[object], T], default: D) -> T | D:
        """Return the value of ``key``, converted by ``read``; the default where it is absent."""
        self._taken.append(key)
        if key not in self._values:
            return default
        try:
            return read(self._values[key])
        except _ValueProblemError as problem:
            self.fail(str(problem), key)

    def inner(self, key: str) -> _Keys:
        """Return the mapping of ``key``; an empty one where it is absent or null."""
        value = self.take(key, lambda value: value, None)
        return _Keys({} if value is None else value, self._source, *self._path, key)

    def refuse_unknown(self) -> None:
        """Refuse keys that `take` was not called for."""
        for key in self._values:
            if key not in self._taken:
                self.fail(f"{_quote(key)} is not known here: there are {self._known_keys()}")

    def _known_keys(self) -> str:
        return ", ".join(map(str, self._taken))


def _read_role(roles: _Keys, name: object) -> Role:
    if not (isinstance(name, str) and _WORD.fullmatch(name)):
        roles.fail(f"{_quote(name)}: expected a role's name of {_WORD.pattern}")
    keys = roles.inner(name)
    profile = PROFILES[keys.take("profile", _one_of(PROFILES), "idle")]
    sockets = keys.inner("sockets")
    spans = {key: sockets.take(key, _read_span, getattr(profile, key)) for key in span_names()}
    sockets.refuse_unknown()
    fault = keys.take("fault", _one_of(Fault), None)
    role = Role(
        name=name,
        count=keys.take("count", _whole_number(1, MOST_HOSTS), 1),
        groups=keys.take("groups", _texts(_GROUP, "groups"), ()),
        variables=keys.take("variables", _read_variables, {}),
        profile=replace_spans(profile, spans),
        ipv6=keys.take("ipv6", _read_switch, default=True),
        delays=_read_delays(keys.inner("delays")),
        fault=None if fault is None else Fault(fault),
    )
    keys.refuse_unknown()
    return role


def _read_delays(keys: _Keys) -> Delays:
    none = (0.0, 0.0)
    delays = Delays(
        banner_s=keys.take("banner_s", _read_seconds, none),
        auth_s=keys.take("auth_s", _read_seconds, none),
        command_s=keys.take("command_s", _read_seconds, none),
    )
    keys.refuse_unknown()
    return delays


def _quote(value: object) -> str:
    return quote(value, limit=60)


def _refuse(value: object, expected: str) -> NoReturn:
    raise _ValueProblemError(f"{_quote(value)}: expected {expected}")


def _read_switch(value: object) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "true or false")


def _whole_number(least: int, most: int) -> Callable[[object], int]:
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


def _read_span(value: object) -> Span:
    number = _whole_number(0, _MOST_SOCKETS)
    least, most = map(number, _make_pair(value))
    return (least, most) if least <= most else _refuse(value, "the smaller number first")


def _read_seconds(value: object) -> Seconds:
    least, most = map(_read_number, _make_pair(value))
    if not 0 <= least <= most <= _MOST_SECONDS:  # False also for NaN
        _refuse(value, f"seconds from 0 to {_MOST_SECONDS:g}, the smaller first")
    return least, most


def _read_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(value, "seconds, or a list of the least and the most of them")
    return float(value) if abs(value) <= _MOST_SECONDS else _MOST_SECONDS + 1


def _make_pair(value: object) -> tuple[object, object]:
    if isinstance(value, list) and len(value) == 2:
        return value[0], value[1]
    return value, value


def _texts(pattern: re.Pattern[str], what: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            _refuse(value, f"a list of {what}")
        return tuple(map(_text(pattern, f"the name of one of the {what}"), value))

    return read


def _read_variables(value: object) -> Mapping[str, str | int]:
    if not isinstance(value, dict):
        _refuse(value, "a mapping of variables")
    for key, one in value.items():
        if not (isinstance(key, str) and _GROUP.fullmatch(key) and isinstance(one, str | int)):
            _refuse({key: one}, "a variable's name and a text or a whole number")
    return value

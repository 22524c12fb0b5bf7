"""Read Ansible's INI inventories, and plain files of host names, which are INI without sections.

The rules are those of ansible-core 2.19's ``ini`` inventory plugin: ``[group]``, ``[group:vars]``
and ``[group:children]``; host lines split by the shell's rules; values parsed as Python literals
where possible, also in ``:vars`` (the plugin's documentation describes ``:vars`` otherwise).
"""

from __future__ import annotations

import ast
import shlex
import warnings
from functools import lru_cache
from typing import Any

from ...core.lazy_pattern import lazy_pattern
from ..errors import InventoryError
from ..ranges import expand_host_pattern
from .unresolved import UNGROUPED, UnresolvedInventory

__all__ = ["parse_value", "read_ini_inventory"]

_SECTION = lazy_pattern(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP_NAME = lazy_pattern(r"([^:\]\s]+)\s*(?:#.*)?")
_NEEDS_SHELL_RULES = lazy_pattern(r"""["'\\#]""")
_BLANKS = lazy_pattern(r"[ \t\r\n]+")

# Most values are words, numbers and addresses, which need no compilation as Python literals.
_WORD = lazy_pattern(r"[A-Za-z_/][A-Za-z0-9_./:@+-]*|[0-9]+(?:\.[0-9]+){2,}")
_WHOLE = lazy_pattern(r"0|[1-9][0-9]{0,17}")
_LITERAL_WORDS = frozenset({"True", "False", "None"})


def read_ini_inventory(unresolved: UnresolvedInventory, text: str, file: str) -> None:
    """Add an INI inventory to ``unresolved``; ``file`` is for messages.

    Raises InventoryError naming the line.
    """
    _IniReader(unresolved, file).read(text)


@lru_cache(maxsize=4096)
def parse_value(text: str) -> object:
    """Parse a value of an INI inventory: a Python literal, otherwise the text itself.

    Tuples and sets become lists, bytes become text. Equal texts share one value: do not modify it.
    Raises ValueError for a literal without a value (``{[]: 1}``).
    """
    if _WORD().fullmatch(text) and text not in _LITERAL_WORDS:
        return text
    if _WHOLE().fullmatch(text):
        return int(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "1is", for example, warns on compiling
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    except (TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"cannot read {text[:80]!r}: {error}") from error
    return _make_plain(value)


def _make_plain(value: object) -> object:
    if isinstance(value, list | tuple | set):
        return [_make_plain(item) for item in value]
    if isinstance(value, dict):
        return {_make_plain(key): _make_plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8")  # UnicodeDecodeError is a ValueError
    if isinstance(value, complex):
        return str(value)
    return "..." if value is ... else value


class _IniReader:
    """Reads one file in one pass."""

    def __init__(self, unresolved: UnresolvedInventory, file: str) -> None:
        self._unresolved = unresolved
        self._file = file
        self._line = 0
        self._group = UNGROUPED  # the group of hosts before the first section
        self._kind = "hosts"
        # Groups named before their declaration: as children of others, and by [name:vars].
        self._undeclared: dict[str, tuple[int, list[str]]] = {}
        self._variables_only: dict[str, int] = {}

    def read(self, text: str) -> None:
        for self._line, raw in enumerate(text.splitlines(), start=1):
            line = raw.strip()
            if not line or line[0] in ";#":
                continue
            section = _SECTION().fullmatch(line) if line[0] == "[" else None
            if section:
                self._begin_section(section[1], section[2] or "hosts")
            elif line[0] == "[" and line[-1] == "]":
                raise self._error(
                    f"found the section {line!r}, expected [group], [group:vars] or "
                    "[group:children] without blanks"
                )
            elif self._kind == "hosts":
                self._add_hosts(line)
            elif self._kind == "vars":
                self._set_variable(line)
            else:
                self._add_child(line)
        self._check_declared()

    def _begin_section(self, group: str, kind: str) -> None:
        if kind not in ("hosts", "vars", "children"):
            raise self._error(f"found the section [{group}:{kind}], expected :vars or :children")
        self._group, self._kind = group, kind
        known = group in self._unresolved.groups
        self._unresolved.add_group(group, self._where())
        if kind == "vars":
            if not known and group not in self._undeclared:
                self._variables_only[group] = self._line
            return
        self._variables_only.pop(group, None)
        # Parents that named this group before its declaration get it as a child now.
        for parent in self._undeclared.pop(group, (0, []))[1]:
            self._unresolved.add_child(parent, group, self._where())

    def _add_hosts(self, line: str) -> None:
        pattern, *assignments = self._split_words(line)
        if pattern.strip() == "---":
            raise self._error("found '---', which begins a YAML file; name it .yml")
        names, port = expand_host_pattern(pattern, self._where())
        if port is None and pattern.endswith(":"):
            raise self._error(
                f"found the host {pattern!r}, expected a port after the colon; a YAML file is "
                "named .yml, .yaml or .json, or without a suffix"
            )
        variables: dict[str, Any] = {}
        for word in assignments:
            name, equals, value = word.partition("=")
            if not equals:
                raise self._error(f"found {word!r} after a host, expected name=value")
            variables[name] = self._parse_value(value)
        for host in self._unresolved.add_hosts(names, self._group, port, self._where()):
            if variables:
                self._unresolved.set_host_variables(host, variables, self._where())

    def _split_words(self, line: str) -> list[str]:
        if not _NEEDS_SHELL_RULES().search(line):
            return [word for word in _BLANKS().split(line) if word]
        try:
            return shlex.split(line, comments=True)
        except ValueError as error:
            raise self._error(f"cannot split {line!r}: {error}") from error

    def _set_variable(self, line: str) -> None:
        name, equals, value = line.partition("=")
        if not equals:
            raise self._error(f"found {line!r} in [{self._group}:vars], expected name=value")
        self._unresolved.set_group_variables(
            self._group, {name.strip(): self._parse_value(value.strip())}, self._where()
        )

    def _add_child(self, line: str) -> None:
        found = _GROUP_NAME().fullmatch(line)
        if not found:
            raise self._error(
                f"found {line!r} in [{self._group}:children], expected the name of a group"
            )
        child = found[1]
        if child in self._unresolved.groups:
            self._unresolved.add_child(self._group, child, self._where())
        else:
            self._undeclared.setdefault(child, (self._line, []))[1].append(self._group)

    def _parse_value(self, text: str) -> object:
        try:
            return parse_value(text)
        except ValueError as error:
            raise self._error(str(error)) from error

    def _check_declared(self) -> None:
        for name, (line, parents) in self._undeclared.items():
            self._line = line
            raise self._error(
                f"[{parents[-1]}:children] names the group {name!r}, expected a section [{name}]"
            )
        for name, line in self._variables_only.items():
            self._line = line
            raise self._error(
                f"[{name}:vars] gives variables to a group that no section or source declares"
            )

    def _where(self) -> str:
        return f"{self._file}:{self._line}"

    def _error(self, problem: str) -> InventoryError:
        return InventoryError(self._where(), problem)

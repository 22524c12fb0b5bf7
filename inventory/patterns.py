"""Ansible's host patterns, as ``--limit`` of ansible-core 2.19 takes them.

A pattern is split into parts at ``,`` (or at ``:`` where it is no port, address or range). A part
is a host, a group or a glob, each with an optional ``[0]``, ``[-1]`` or ``[1:2]`` behind it, or
``~`` with a regular expression, or ``@FILE`` with one part a line. Plain parts are united first,
then parts with ``&`` intersect, then parts with ``!`` exclude; without a plain part, all hosts are
the start.

As with Ansible's ``--limit``, the implicit localhost is never selected, as it is in no group. Two
differences from Ansible: a file that names no host is an error, where Ansible selects every host,
and ``@FILE`` may be a saved scan, which selects its failed hosts.
"""

from __future__ import annotations

import fnmatch
import os
import re
import warnings
from collections.abc import Iterable, Sequence

from ..core.errors import UsageError
from ..core.lazy_pattern import lazy_pattern
from ..core.record import record
from ..core.suggestion import nearest
from ..core.text import count_text, escape
from .errors import InventoryError, NoMatchError
from .models import Inventory
from .ranges import is_address, split_port
from .sources.files import decode_text, read_bytes
from .sources.unresolved import ALL

__all__ = ["Selection", "match_hosts", "select"]

_PARTS = lazy_pattern(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = lazy_pattern(r"(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]")
_LOCALHOST = ("127.0.0.1", "localhost", "::1")
_NOT_ONLY_A_NAME = (".", "?", "*", "[")


@record
class Selection:
    """The hosts that a pattern selects, and a note for each part that matches none."""

    hosts: tuple[str, ...]
    """In the order in which Ansible lists ``all``."""
    notes: tuple[str, ...] = ()
    """One complete message for each part that matches nothing."""


def select(inventory: Inventory, pattern: str | None) -> tuple[str, ...]:
    """Return the names that ``pattern`` selects, as `match_hosts` does; None selects all."""
    return match_hosts(inventory, pattern).hosts


def match_hosts(
    inventory: Inventory, pattern: str | None, *, place: str = "the inventory"
) -> Selection:
    """Return the hosts that ``pattern`` selects; None selects all.

    ``place`` is what messages call the inventory. Raises NoMatchError where no host is selected,
    and UsageError where ``pattern`` is invalid.
    """
    matcher = _Matcher(inventory)
    everything = matcher.group_hosts(ALL)
    if pattern is None:
        if not everything:
            raise NoMatchError(f"no host in the inventory ({', '.join(inventory.sources)})")
        return Selection(hosts=tuple(everything))
    chosen = set(matcher.match_all(_expand_files(_split_parts(pattern))))
    hosts = tuple(name for name in everything if name in chosen)
    notes = tuple(
        f"no host or group matches {part!r}{_suggest_name(inventory, part)}"
        for part in matcher.unmatched
    )
    if not hosts and tuple(matcher.unmatched) == (pattern,):
        raise NoMatchError(notes[0] + f" ({count_text(len(everything), 'host')} in {place})")
    if not hosts:
        raise NoMatchError(
            f"no host matches {pattern!r} among the {len(everything)} of {place}"
            + "".join(f"; {note}" for note in notes)
        )
    return Selection(hosts=hosts, notes=notes)


def _suggest_name(inventory: Inventory, part: str) -> str:
    if part[0] == "~" or any(one in part for one in "*?["):
        return ""
    near = nearest(part, (*inventory.groups, *inventory.hosts))
    return "" if near is None else f"; did you mean {escape(near)}?"


def _split_parts(pattern: str) -> list[str]:
    if pattern.startswith("@") and os.path.isfile(pattern[1:]):  # noqa: PTH113 (never raises)
        return [pattern]  # a file's name may hold colons, for example in a time of day
    if "," in pattern:
        parts = pattern.split(",")
    elif is_address(split_port(pattern)[0]):
        parts = [pattern]  # the colons of web[1:3], fe80::1 and web1:22 separate no parts
    else:
        parts = _PARTS().findall(pattern)
    return [part.strip() for part in parts if part.strip()]


def _expand_files(parts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        found += _read_parts(part[1:]) if part.startswith("@") else [part]
    return found


def _read_parts(path: str) -> list[str]:
    try:
        text = decode_text(read_bytes(path), path)
    except InventoryError as error:
        raise UsageError(f"limit @{error}") from error
    if text.lstrip()[:1] == "{":
        return _read_failed_hosts(text, path)
    parts = [line.strip() for line in text.split("\n") if line.strip()]
    if not parts:
        raise UsageError(f"limit @{path}: the file names no host")
    return parts


def _read_failed_hosts(text: str, path: str) -> list[str]:
    try:
        import json  # most scans need it nowhere

        scan = json.loads(text)
        if not scan["schema"].startswith("sockfleet/scan/"):
            raise ValueError
        failed = [str(host["name"]) for host in scan["hosts"] if host["status"] == "failed"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"limit @{path}: looks like JSON, and is no scan that sockfleet saved"
        ) from error
    if not failed:
        raise UsageError(f"limit @{path}: no host failed in that scan")
    return failed


class _Matcher:
    """Matches the parts of a pattern against one inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: dict[str, list[str]] = {}
        self.unmatched: dict[str, None] = {}

    def match_all(self, parts: Sequence[str]) -> list[str]:
        """Return the hosts of all parts: plain ones, then ``&``, then ``!``."""
        plain = [part for part in parts if part[0] not in "&!"]
        hosts: dict[str, None] = {}
        for part in plain or [ALL]:
            # The host of a name takes precedence over the group of that name.
            found = [part] if part in self._inventory.hosts else self._match_part(part)
            hosts.update(dict.fromkeys(found))
        for part in (part for part in parts if part[0] == "&"):
            wanted = set(self._match_part(part[1:]))
            hosts = {name: None for name in hosts if name in wanted}
        for part in (part for part in parts if part[0] == "!"):
            for name in self._match_part(part[1:]):
                hosts.pop(name, None)
        return list(hosts)

    def group_hosts(self, name: str) -> list[str]:
        """The hosts of a group and its descendants, level by level, each once."""
        groups = self._inventory.groups
        hosts: dict[str, None] = {}
        seen = {name}
        level = [name]
        while level:
            below: list[str] = []
            for group in level:
                hosts.update(dict.fromkeys(groups[group].hosts))
                below += [child for child in groups[group].children if child not in seen]
                seen.update(groups[group].children)
            level = below
        return list(hosts)

    def _match_part(self, part: str) -> list[str]:
        if part not in self._known:
            if not part:
                raise UsageError(
                    "found '&' or '!' alone in the limit, expected a pattern behind it"
                )
            expression, subscript = _split_subscript(part)
            self._known[part] = _apply_subscript(
                self._match_expression(expression), subscript, part
            )
        return self._known[part]

    def _match_expression(self, expression: str) -> list[str]:
        found = _compile_expression(expression)
        hosts: list[str] = []  # a host of two groups is in it twice, and counts twice in [0:2]
        groups = [name for name in self._inventory.groups if found.match(name)]
        for name in groups:
            hosts += self.group_hosts(name)
        if not groups or expression[0] == "~" or any(one in expression for one in _NOT_ONLY_A_NAME):
            hosts += [name for name in self._inventory.hosts if found.match(name)]
        if not hosts and expression in _LOCALHOST:
            # The inventory's own localhost matches each of the three names.
            hosts = [name for name in self._inventory.hosts if name in _LOCALHOST][:1]
        if not hosts and not groups:
            self.unmatched[expression] = None
        return hosts


def _compile_expression(expression: str) -> re.Pattern[str]:
    text = expression[1:] if expression[0] == "~" else fnmatch.translate(expression)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about "[[" in the user's expression
            return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{expression!r} is no valid pattern: {error}") from error


def _split_subscript(part: str) -> tuple[str, tuple[int, int | None] | None]:
    found = None if part[0] == "~" else _SUBSCRIPT().fullmatch(part)
    if found is None:
        return part, None
    expression, index, first, last = found.groups()
    if index is not None:
        return expression, (int(index), None)
    return expression, (int(first), int(last) if last else -1)


def _apply_subscript(
    hosts: list[str], subscript: tuple[int, int | None] | None, part: str
) -> list[str]:
    if not hosts or subscript is None:
        return hosts
    first, last = subscript
    if last == -1:
        return hosts[first:]
    if last:
        return hosts[first : last + 1]
    # [1], and also [1:0], as in Ansible.
    if not -len(hosts) <= first < len(hosts):
        raise NoMatchError(f"{part!r} is beyond the {len(hosts)} hosts that it would choose from")
    return [hosts[first]]

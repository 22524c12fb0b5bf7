"""Read a rules file: every fault at once, each with its file and line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

from ...core.errors import UsageError
from ...core.suggestion import suggest
from ...core.text import quote
from .document import MOST_BYTES, Entry, Faults, RulesError, parse_nodes, plain_value
from .model import Rule, RulesFile
from .read_rule import read_rule

__all__ = ["load_rules", "parse_rules", "shipped_rules"]

_KEYS = ("version", "sinks", "rules")
_SHIPPED = Path(__file__).with_name("default_rules.yml")

CheckSinks = Callable[[Mapping[str, object]], Iterable[tuple[tuple[str, ...], str]]]
"""Takes ``sinks:`` as plain values; gives the path of keys below it, and what is wrong there."""


def load_rules(path: str, check_sinks: CheckSinks | None = None) -> RulesFile:
    """Read a file, ``-`` for standard input. Raises RulesError, and UsageError without a file."""
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    return parse_rules(data, path, check_sinks)


def shipped_rules() -> bytes:
    """The rules that come with sockfleet, as ``--print-rules`` prints them."""
    return _SHIPPED.read_bytes()


def parse_rules(data: bytes, path: str, check_sinks: CheckSinks | None = None) -> RulesFile:
    """Read the text of a file. Raises RulesError."""
    root = parse_nodes(data, path)
    if root is None:
        raise RulesError([f"{path}:1: the file is empty; sockfleet alert --print-rules has rules"])
    faults = Faults(path)
    top = faults.mapping(root, _KEYS)
    _check_version(root, top.get("version"), faults)
    sinks = _read_sinks(top["sinks"], faults, check_sinks) if "sinks" in top else {}
    rules: list[Rule] = []
    if "rules" in top:
        rules = [rule for entry in faults.items(top["rules"]) if (rule := read_rule(entry, faults))]
    elif not len(faults):
        faults.add(root, "no rules: the key is missing")
    _check_names(rules, faults)
    names = list(sinks)
    heartbeats = {name for name, each in sinks.items() if each.get("type") == "heartbeat"}
    for rule in rules:
        _check_references(rule, names, heartbeats, [each.name for each in rules], faults)
    faults.raise_if_any()
    return RulesFile(path=path, rules=tuple(rules), sinks=sinks)


def _check_version(root: Entry, version: Entry | None, faults: Faults) -> None:
    if version is None:
        faults.add(root, "no version: the file begins with version: 1")
    elif version.text != "1":
        faults.add(version, f"expected 1, found {quote(version.text)}: update sockfleet")


def _read_sinks(
    entry: Entry, faults: Faults, check_sinks: CheckSinks | None
) -> Mapping[str, Mapping[str, object]]:
    """The plain settings of each sink; ``check_sinks`` finds their faults."""
    found: dict[str, Mapping[str, object]] = {}
    places: dict[tuple[str, ...], Entry] = {(): entry}
    for name, each in faults.mapping(entry).items():
        places[name,] = each
        settings: dict[str, object] = {}
        for key, value in faults.mapping(each).items():
            places[name, key] = value
            try:
                settings[key] = plain_value(value)
            except Exception as error:  # PyYAML's constructors raise ValueError and more
                faults.add(value, f"cannot be read: {error}")
        found[name] = settings
    if check_sinks is not None:
        # What is no mapping has its fault already.
        mappings = {name: keys for name, keys in found.items() if places[name,].is_mapping}
        for path, problem in check_sinks(mappings):
            known = path
            while known not in places:
                known = known[:-1]
            rest = "".join(f"{part}: " for part in path[len(known) :])
            faults.add(places[known], f"{rest}{problem}")
    return found


def _check_names(rules: list[Rule], faults: Faults) -> None:
    lines: dict[str, int] = {}
    for rule in rules:
        if rule.name in lines:
            first = lines[rule.name]
            problem = f"a second rule is named {quote(rule.name)}; the first is in line {first}"
            faults.add_at(rule.line, "", problem)
        lines.setdefault(rule.name, rule.line)


def _check_references(
    rule: Rule, sinks: list[str], heartbeats: set[str], rules: list[str], faults: Faults
) -> None:
    for name in rule.notify or ():
        if name not in sinks:
            known = suggest(name, sinks) or "; the file has no sinks"
            faults.add_at(rule.line, f"rule {rule.name}: notify", f"no sink {quote(name)}{known}")
        elif name in heartbeats:
            problem = f"{name} is a heartbeat, which receives no alerts"
            faults.add_at(rule.line, f"rule {rule.name}: notify", problem)
    known_rules = list(dict.fromkeys([*rules, "cannot-judge"]))
    for name in rule.inhibits:
        if name not in known_rules:
            problem = f"no rule {quote(name)}{suggest(name, known_rules)}"
            faults.add_at(rule.line, f"rule {rule.name}: inhibits", problem)

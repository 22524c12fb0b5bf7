"""The YAML of a rules file as nodes with their lines, and the faults that are found in them.

msgspec's errors have neither file nor line and end at the first one. A user who writes twelve rules
wants all faults at once, so the nodes are read one by one and each fault is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import yaml

from ...core.errors import UsageError
from ...core.suggestion import suggest
from ...core.text import escape, quote

__all__ = ["MOST_BYTES", "Entry", "Faults", "RulesError", "parse_nodes", "plain_value"]

MOST_BYTES = 1 << 20
_MOST_DEPTH = 50


class RulesError(UsageError):
    """A rules file cannot be used: a line for each fault, ``FILE:LINE: PATH: what is wrong``."""

    def __init__(self, lines: Collection[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class Entry(NamedTuple):
    """A value of the file, and where it is."""

    node: yaml.Node
    path: str
    """As ``rules[2].when[0].measure``."""
    line: int

    @property
    def text(self) -> str | None:
        """The text of a scalar as it is written; None for null and for everything else."""
        if not isinstance(self.node, yaml.ScalarNode):
            return None
        is_null = self.node.tag == "tag:yaml.org,2002:null"
        return None if is_null else str(self.node.value)

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping of keys."""
        return isinstance(self.node, yaml.MappingNode)

    def child(self, name: str, key: yaml.Node | None, value: yaml.Node) -> Entry:
        """The value under a key, or an item of a list."""
        joined = f"{self.path}{name}" if name.startswith("[") else f"{self.path}.{name}"
        return Entry(value, joined.lstrip("."), (key or value).start_mark.line + 1)


class Faults:
    """What is wrong in one file, in the order of its lines."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: list[tuple[int, str]] = []

    def add(self, entry: Entry, problem: str) -> None:
        """Note one fault at a value."""
        self.add_at(entry.line, entry.path, problem)

    def add_at(self, line: int, path: str, problem: str) -> None:
        """Note one fault at a line."""
        where = f"{path}: " if path else ""
        self._found.append((line, escape(f"{self.path}:{line}: {where}{problem}")))

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise RulesError with all of them."""
        if self._found:
            raise RulesError([text for _, text in sorted(self._found, key=lambda one: one[0])])

    def mapping(self, entry: Entry, known: Collection[str] | None = None) -> dict[str, Entry]:
        """The values of a mapping by key; ``known`` are the keys that there are (None: any)."""
        if not isinstance(entry.node, yaml.MappingNode):
            self.add(entry, f"expected a mapping of keys, found {_describe(entry)}")
            return {}
        found: dict[str, Entry] = {}
        for key, value in entry.node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            child = entry.child(name or "?", key, value)
            if not name:
                self.add(child, "a key is a word")
            elif name in found:
                self.add(child, f"{quote(name)} stands there a second time")
            elif known is not None and name not in known:
                self.add(
                    entry.child("", key, value)._replace(path=entry.path), _unknown(name, known)
                )
            else:
                found[name] = child
        return found

    def items(self, entry: Entry) -> Iterator[Entry]:
        """The items of a list; a fault for anything else."""
        if not isinstance(entry.node, yaml.SequenceNode):
            self.add(entry, f"expected a list, found {_describe(entry)}")
            return
        for number, node in enumerate(entry.node.value):
            yield entry.child(f"[{number}]", None, node)

    def text(self, entry: Entry, expected: str = "a text") -> str | None:
        """The text of a scalar; a fault, and None, for an empty one and anything else."""
        if not entry.text or not entry.text.strip():
            self.add(entry, f"expected {expected}, found {_describe(entry)}")
            return None
        return entry.text

    def texts(self, entry: Entry, expected: str = "a text") -> tuple[str, ...]:
        """A list of texts, or one text alone."""
        entries = [entry] if isinstance(entry.node, yaml.ScalarNode) else self.items(entry)
        return tuple(text for each in entries if (text := self.text(each, expected)) is not None)


def parse_nodes(data: bytes, path: str) -> Entry | None:
    """The root of the only document; None where it is empty.

    Raises RulesError for what is no YAML, for aliases that hold themselves, and for more than 1 MB.
    """
    if len(data) > MOST_BYTES:
        raise RulesError([f"{path}:1: it is too large for a rules file: 1 MB at most"])
    try:
        text = data.decode()
        # The loader in Python: the one in C ends the process where nesting is too deep.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _check_shape(node, 0, path, set())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RulesError([f"{path}:{line}: not UTF-8: byte {error.start}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise RulesError([escape(f"{path}:{line}: not valid YAML: {problem}")]) from error
    except RecursionError:
        raise RulesError([f"{path}:1: nested too deeply"]) from None
    return None if node is None else Entry(node, "", 1)


def plain_value(entry: Entry) -> object:
    """The value as plain Python has it, for the settings of a sink."""
    loader = yaml.SafeLoader("")
    try:
        value: object = loader.construct_document(entry.node)
    finally:
        loader.dispose()
    return value


def _check_shape(node: yaml.Node, depth: int, path: str, seen: set[int]) -> None:
    """Refuse what is nested too deeply, and aliases, which may hold themselves."""
    line = node.start_mark.line + 1
    if depth > _MOST_DEPTH:
        raise RulesError([f"{path}:{line}: nested too deeply"])
    if id(node) in seen:
        raise RulesError([f"{path}:{line}: an alias repeats this: write it where it is needed"])
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        children = [each for pair in node.value for each in pair]
    else:
        children = []
    for child in children:
        _check_shape(child, depth + 1, path, seen)


def _unknown(name: str, known: Collection[str]) -> str:
    return f"no key {quote(name)}{suggest(name, known)}"


def _describe(entry: Entry) -> str:
    if isinstance(entry.node, yaml.MappingNode):
        return "a mapping"
    if isinstance(entry.node, yaml.SequenceNode):
        return "a list"
    return "nothing" if not entry.text or not entry.text.strip() else quote(entry.text, limit=40)

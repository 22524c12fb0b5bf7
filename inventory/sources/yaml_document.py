"""Load one YAML document into plain values, as PyYAML's safe loader does.

The values are built from the parser's events, without PyYAML's nodes and constructor: loading is
faster, and every error names its line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import InventoryError
from .document_values import OnRepeatedKey, make_literal
from .quick_yaml import yaml

__all__ = ["find_line", "load_document"]

# PyYAML without libyaml has only the slower SafeLoader, which gives the same values.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML = "tag:yaml.org,2002:"
_STR = _YAML + "str"
_MERGE = _YAML + "merge"
_UNFINISHED = object()  # the value of an anchor whose node has not ended yet
_VAULT_KEY = "__ansible_vault"


def load_document(text: str, where: str, on_repeated_key: OnRepeatedKey | None = None) -> object:
    """Return the value of the only document in ``text``; None where it is empty.

    ``on_repeated_key`` as in `yaml_text.parse_yaml`.

    Raises InventoryError with the line where it is not YAML.
    """
    try:
        loader = _LOADER(text)
        try:
            return _Document(loader, where, on_repeated_key).load()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _syntax_error(error, where) from error
    except RecursionError:
        raise InventoryError(where, "is nested too deeply") from None


def find_line(text: str, path: Sequence[object]) -> int | None:
    """Return the line of the last key of ``path`` in a valid document.

    None where an alias or a merge holds the key, or a key on the path is no plain text.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError):
        return None
    line = None
    for name in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        found = [pair for pair in node.value if pair[0].value == name]
        if not found:
            return None
        key, node = found[-1]
        line = key.start_mark.line + 1
    return line


def _syntax_error(error: yaml.YAMLError, where: str) -> InventoryError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    line = "" if mark is None else f":{mark.line + 1}"
    column = "" if mark is None else f" at column {mark.column + 1}"
    return InventoryError(
        f"{where}{line}", f"not valid YAML{column}: {problem}{f', {context}' if context else ''}"
    )


class _Document:
    """Builds the value of one document from its events.

    PyYAML's composer in C overflows the stack and kills the process on deep nesting (some 10,000
    brackets); this raises RecursionError.
    """

    def __init__(
        self, loader: yaml.SafeLoader, where: str, on_repeated_key: OnRepeatedKey | None
    ) -> None:
        self._loader = loader
        self._where = where
        self._on_repeated_key = on_repeated_key
        self._path: list[object] = []
        self._next: Callable[[], Any] = loader.get_event
        self._anchors: dict[str, object] = {}
        self._scalars: dict[str, Callable[[yaml.ScalarNode], object]] = {
            _YAML + "int": loader.construct_yaml_int,
            _YAML + "float": loader.construct_yaml_float,
            _YAML + "bool": loader.construct_yaml_bool,
            _YAML + "null": loader.construct_yaml_null,
            _YAML + "timestamp": loader.construct_yaml_timestamp,
        }
        # A plain scalar with another first character is text, without a call of the resolver.
        self._resolvable = frozenset(loader.yaml_implicit_resolvers)

    def load(self) -> object:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._construct(self._next())
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._error(event, "found another document, expected a single one")
        return value

    def _construct(self, event: Any) -> object:  # noqa: ANN401 (events share no typed base in PyYAML)
        if isinstance(event, yaml.AliasEvent):
            return self._construct_alias(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _UNFINISHED
        if isinstance(event, yaml.ScalarEvent):
            value = self._construct_scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._construct_mapping(event)
        else:
            value = self._construct_sequence(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _construct_alias(self, event: yaml.AliasEvent) -> object:
        if event.anchor not in self._anchors:
            raise self._error(event, f"found the undefined alias {event.anchor!r}")
        value = self._anchors[event.anchor]
        if value is _UNFINISHED:
            raise self._error(event, f"the alias {event.anchor!r} holds itself without end")
        return value

    def _construct_scalar(self, event: yaml.ScalarEvent) -> object:
        text: str = event.value
        tag = self._resolve_tag(event)
        if tag == _STR:
            return make_literal(text) if event.tag == "!unsafe" else text
        if tag in ("!vault", "!vault-encrypted"):
            return {_VAULT_KEY: text}
        make = self._scalars.get(tag)
        if make is None:
            raise self._unknown_tag(event, tag)
        try:
            return make(yaml.ScalarNode(tag, text, None, None))
        except (ValueError, KeyError, OverflowError) as error:
            raise self._error(event, f"cannot read {text!r:.80}: {error}") from error

    def _resolve_tag(self, event: yaml.ScalarEvent) -> str:
        tag, implicit = event.tag, event.implicit
        if tag == "!unsafe":
            implicit = (True, False)  # after this tag, plain and quoted values are equal
        elif tag is not None and tag != "!":
            return str(tag)
        if not implicit[0] or event.value[:1] not in self._resolvable:
            return _STR
        resolve: Callable[..., str] = self._loader.resolve
        return resolve(yaml.ScalarNode, event.value, implicit)

    def _construct_sequence(self, event: yaml.SequenceStartEvent) -> list[object]:
        if event.tag not in (None, "!", _YAML + "seq", "!unsafe"):
            raise self._unknown_tag(event, event.tag)
        value = []
        while not isinstance(item := self._next(), yaml.SequenceEndEvent):
            value.append(self._construct(item))
        return value

    def _construct_mapping(self, event: yaml.MappingStartEvent) -> object:
        if event.tag not in (None, "!", _YAML + "map", _YAML + "set", "!unsafe"):
            raise self._unknown_tag(event, event.tag)
        value: dict[Any, object] = {}
        merged: dict[Any, object] = {}
        while not isinstance(item := self._next(), yaml.MappingEndEvent):
            if isinstance(item, yaml.ScalarEvent) and self._resolve_tag(item) == _MERGE:
                merged |= self._construct_merge(item, self._construct(self._next()))
                continue
            key = self._construct(item)
            if isinstance(key, dict | list):
                raise self._error(item, f"found {key!r:.80} as a key, expected a plain value")
            self._path.append(key)
            if key in value and not self._allows_repeated_key(item):
                raise self._error(item, f"key {key!r} appears twice in one mapping; keep one")
            value[key] = self._construct(self._next())
            self._path.pop()
        if merged:
            value = merged | value
        return list(value) if event.tag == _YAML + "set" else value

    def _allows_repeated_key(self, event: Any) -> bool:  # noqa: ANN401 (as above)
        return self._on_repeated_key is not None and self._on_repeated_key(
            tuple(self._path), f"{self._where}:{event.start_mark.line + 1}"
        )

    def _construct_merge(self, event: yaml.ScalarEvent, value: object) -> dict[Any, object]:
        merged: dict[Any, object] = {}
        for one in reversed(value) if isinstance(value, list) else (value,):
            if not isinstance(one, dict):
                raise self._error(event, f"found {one!r:.80} behind '<<', expected a mapping")
            merged |= one  # of several, the first one takes precedence
        return merged

    def _unknown_tag(self, event: Any, tag: str) -> InventoryError:  # noqa: ANN401 (as above)
        return self._error(
            event,
            f"found the tag {tag!r}, expected a plain value (quote a text), !vault or !unsafe",
        )

    def _error(self, event: Any, problem: str) -> InventoryError:  # noqa: ANN401 (as above)
        return InventoryError(f"{self._where}:{event.start_mark.line + 1}", problem)

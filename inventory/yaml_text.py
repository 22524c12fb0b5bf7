"""YAML and JSON text into plain values: safe, with line numbers, no key twice, and fast.

Values are those of PyYAML's safe loader (YAML 1.1, as in Ansible; JSON is tried first, as there).
Different on purpose: a key that stands twice in one mapping is refused, where Ansible keeps the
last and prints a warning. Of Ansible's own tags, ``!unsafe`` gives its value, and ``!vault`` gives
``{"__ansible_vault": text}``, which is also how ``ansible-inventory --list`` shows it.

The nodes are composed by libyaml and turned into values here instead of by PyYAML's constructor:
an inventory of 100,000 hosts takes 1.1 s instead of 2.2 s, and each node knows its line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

from .errors import InventoryError

__all__ = ["NeedsAnsible", "parse_yaml"]

_LOADER: type[yaml.SafeLoader] = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # without libyaml: slower, same values
_YAML = "tag:yaml.org,2002:"
_STR, _MAP, _SEQ, _SET = _YAML + "str", _YAML + "map", _YAML + "seq", _YAML + "set"
_MERGE = _YAML + "merge"
_VAULT_HEADER = "$ANSIBLE_VAULT"
_VAULT_KEY = "__ansible_vault"
_UNSAFE_KEY = "__ansible_unsafe"


class NeedsAnsible(Exception):  # noqa: N818 (a turn in the way, not an error)
    """A source that only Ansible can read: a plugin's configuration, or an encrypted file."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(f"{where}: {reason}")


def parse_yaml(text: str, where: str) -> object:
    """The value of a YAML or JSON document; None for an empty one.

    Raises InventoryError with the line for what is not YAML, `NeedsAnsible` for a file that
    Ansible's vault has encrypted as a whole.
    """
    if text.startswith(_VAULT_HEADER):
        raise NeedsAnsible(where, "is encrypted by ansible-vault")
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text, object_pairs_hook=_json_object)
        except (ValueError, RecursionError):
            pass  # a YAML flow mapping, or a fault that the YAML reader below shows with its line
    try:
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _Values(loader, where).of(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _syntax_error(error, where) from error
    except RecursionError:
        raise InventoryError(where, "is nested too deeply") from None


def _json_object(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    if len(value) == 1 and isinstance(value.get(_UNSAFE_KEY), str):
        return value[_UNSAFE_KEY]  # how scripts mark what Ansible must not read as a template
    return value


def _syntax_error(error: yaml.YAMLError, where: str) -> InventoryError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    line = "" if mark is None else f":{mark.line + 1}"
    column = "" if mark is None else f" at column {mark.column + 1}"
    return InventoryError(
        f"{where}{line}", f"not valid YAML{column}: {problem}{f', {context}' if context else ''}"
    )


class _Values:
    """Turns the nodes of one document into values."""

    def __init__(self, loader: yaml.SafeLoader, where: str) -> None:
        self._loader = loader
        self._where = where
        # An alias is the same node again: made once, or a few lines could stand for gigabytes.
        self._made: dict[int, object] = {}
        self._open: set[int] = set()
        self._scalars: dict[str, Callable[[yaml.ScalarNode], object]] = {
            _YAML + "int": loader.construct_yaml_int,
            _YAML + "float": loader.construct_yaml_float,
            _YAML + "bool": loader.construct_yaml_bool,
            _YAML + "null": loader.construct_yaml_null,
            _YAML + "timestamp": loader.construct_yaml_timestamp,
        }

    def of(self, node: yaml.Node) -> object:
        if node.tag == _STR and isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        key = id(node)
        if key in self._made:
            return self._made[key]
        if key in self._open:
            raise self._error(node, "an alias within its own anchor holds itself without end")
        self._open.add(key)
        made = self._made[key] = self._collection(node)
        self._open.discard(key)
        return made

    def _scalar(self, node: yaml.ScalarNode) -> object:
        make = self._scalars.get(node.tag)
        if make is not None:
            try:
                return make(node)
            except (ValueError, KeyError, OverflowError) as error:
                raise self._error(node, f"cannot read {node.value!r}: {error}") from error
        if node.tag in ("!vault", "!vault-encrypted"):
            return {_VAULT_KEY: node.value}
        return self._tagged(node)

    def _collection(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.MappingNode):
            if node.tag == _MAP:
                return self._mapping(node)
            if node.tag == _SET:
                return list(self._mapping(node))
        elif node.tag == _SEQ:
            return [self.of(item) for item in node.value]
        return self._tagged(node)

    def _tagged(self, node: yaml.Node) -> object:
        if node.tag != "!unsafe":
            raise self._error(
                node,
                f"found {node.value!r:.80} with the tag {node.tag!r}, expected a plain value "
                "(quote a text), !vault or !unsafe",
            )
        text = node.value if isinstance(node, yaml.ScalarNode) else None
        node.tag = self._loader.resolve(  # type: ignore[no-untyped-call]  # untyped in types-PyYAML
            type(node), text, (True, False)
        )
        self._open.discard(id(node))
        return self.of(node)

    def _mapping(self, node: yaml.MappingNode) -> dict[Any, Any]:
        value: dict[Any, Any] = {}
        merges = False
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merges = True
                continue
            key = self.of(key_node)
            if isinstance(key, dict | list):
                raise self._error(key_node, f"found {key!r} as a key, expected a plain value")
            if key in value:
                raise self._error(
                    key_node,
                    f"key {key_node.value!r} stands twice in one mapping; keep one of them",
                )
            value[key] = self.of(value_node)
        if not merges:
            return value
        self._loader.flatten_mapping(node)  # the merged pairs come first, the own ones win
        return {self.of(key): self.of(one) for key, one in node.value} | value

    def _error(self, node: yaml.Node, problem: str) -> InventoryError:
        return InventoryError(f"{self._where}:{node.start_mark.line + 1}", problem)

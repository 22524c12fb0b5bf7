"""Read ``group_vars`` and ``host_vars``: the files of variables beside inventories.

The first that exists of ``NAME`` (a file or a folder), ``NAME.yml``, ``NAME.yaml`` and
``NAME.json`` holds the variables of NAME. A folder's files and folders are read in sorted order,
without hidden ones and those that end in ``~`` or have another suffix. The rules are those of
ansible-core 2.19's ``host_group_vars``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InventoryError
from .document_values import KeyPath, describe_repeated_key
from .files import decode_text, read_bytes
from .yaml import stringify_names
from .yaml_text import is_connection_variable, parse_yaml

__all__ = ["SUFFIXES", "VariablesFiles"]

SUFFIXES = (".yml", ".yaml", ".json")
"""The suffixes of files in YAML or JSON; a file may also have no suffix."""

_NOTHING: Mapping[str, Any] = {}


class VariablesFiles:
    """The files of variables in one folder; each is read once, at its first use."""

    def __init__(self, folder: str, add_note: Callable[[str], None]) -> None:
        """``add_note`` gets the warnings about a file, when it is read."""
        self._folder = Path(folder)
        self._add_note = add_note
        self._listed: dict[str, frozenset[str]] = {}
        self._read: dict[tuple[str, str], Mapping[str, Any]] = {}

    def group_variables(self, name: str) -> Mapping[str, Any]:
        """Return the variables of a group in ``group_vars``; empty where it has no file.

        Raises InventoryError for a file that cannot be read, `NeedsAnsible` for an encrypted one.
        """
        return self._find("group_vars", name)

    def host_variables(self, name: str) -> Mapping[str, Any]:
        """Return the variables of a host in ``host_vars``; raises as `group_variables` does."""
        return self._find("host_vars", name)

    def _find(self, kind: str, name: str) -> Mapping[str, Any]:
        # One listing of the folder instead of four look-ups per host.
        names = self._listed.get(kind)
        if names is None:
            names = self._listed[kind] = _list_names(self._folder / kind)
        if not names:
            return _NOTHING
        found = next((name + end for end in ("", *SUFFIXES) if name + end in names), None)
        if found is None:
            return _NOTHING
        key = (kind, name)
        if key not in self._read:
            self._read[key] = _read_variables(self._folder / kind / found, self._add_note)
        return self._read[key]


def _list_names(folder: Path) -> frozenset[str]:
    try:
        # A broken link is no file, as in Ansible.
        return frozenset(path.name for path in folder.iterdir() if path.exists())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise InventoryError(str(folder), f"cannot be read: {error.strerror}") from error


def _read_variables(path: Path, add_note: Callable[[str], None]) -> dict[str, Any]:
    try:
        files = list(_walk_files(path)) if path.is_dir() else [path]
    except OSError as error:
        raise InventoryError(str(path), f"cannot be read: {error.strerror}") from error
    variables: dict[str, Any] = {}
    for file in files:
        variables.update(_read_file(file, add_note))
    return variables


def _walk_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            if not path.suffix:
                yield from _walk_files(path)
        elif path.is_file() and path.suffix in ("", *SUFFIXES):
            yield path


def _read_file(path: Path, add_note: Callable[[str], None]) -> dict[str, Any]:
    where = str(path)

    def allow_repeated_key(keys: KeyPath, line: str) -> bool:
        if is_connection_variable(keys[0]):
            return False
        add_note(describe_repeated_key(keys, line))
        return True

    if not path.is_file():
        raise InventoryError(where, "is no regular file")
    value = parse_yaml(decode_text(read_bytes(where), where), where, allow_repeated_key)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise InventoryError(
            where, f"found a {type(value).__name__}, expected a mapping of variables"
        )
    return stringify_names(value)

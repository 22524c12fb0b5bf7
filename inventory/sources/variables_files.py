"""``group_vars`` and ``host_vars``: the files of variables beside inventories.

For a name there is ``NAME``, a file or a folder, else ``NAME.yml``, ``NAME.yaml`` or ``NAME.json``;
the first that exists counts. A folder's files are read in sorted order, its folders too, those
hidden, ending in ``~`` or with another suffix left out: ansible-core 2.19's ``host_group_vars``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InventoryError
from .files import decode_text, read_bytes
from .yaml import check_variable_names
from .yaml_text import parse_yaml

__all__ = ["SUFFIXES", "VariablesFiles"]

SUFFIXES = (".yml", ".yaml", ".json")
"""What files of YAML or JSON are called, beside those without a suffix."""

_NOTHING: Mapping[str, Any] = {}


class VariablesFiles:
    """The variables' files in one folder; each is read when it is asked for, and once."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._listed: dict[str, frozenset[str]] = {}
        self._read: dict[tuple[str, str], Mapping[str, Any]] = {}

    def of_group(self, name: str) -> Mapping[str, Any]:
        """What ``group_vars`` says of a group; empty where nothing is said.

        Raises InventoryError for a file that cannot be read, `NeedsAnsible` for an encrypted one.
        """
        return self._of("group_vars", name)

    def of_host(self, name: str) -> Mapping[str, Any]:
        """What ``host_vars`` says of a host; raises as `of_group` does."""
        return self._of("host_vars", name)

    def _of(self, kind: str, name: str) -> Mapping[str, Any]:
        # One listing instead of four look-ups a host: 100,000 hosts share one folder.
        names = self._listed.get(kind)
        if names is None:
            names = self._listed[kind] = _listing(self._folder / kind)
        if not names:
            return _NOTHING
        found = next((name + end for end in ("", *SUFFIXES) if name + end in names), None)
        if found is None:
            return _NOTHING
        key = (kind, name)
        if key not in self._read:
            self._read[key] = _variables(self._folder / kind / found)
        return self._read[key]


def _listing(folder: Path) -> frozenset[str]:
    try:
        # A link to nowhere is no file, as Ansible sees it.
        return frozenset(path.name for path in folder.iterdir() if path.exists())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise InventoryError(str(folder), f"cannot be read: {error.strerror}") from error


def _variables(path: Path) -> dict[str, Any]:
    try:
        files = list(_files(path)) if path.is_dir() else [path]
    except OSError as error:
        raise InventoryError(str(path), f"cannot be read: {error.strerror}") from error
    variables: dict[str, Any] = {}
    for file in files:
        variables.update(_file_variables(file))
    return variables


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            if not path.suffix:
                yield from _files(path)
        elif path.is_file() and path.suffix in ("", *SUFFIXES):
            yield path


def _file_variables(path: Path) -> dict[str, Any]:
    where = str(path)
    if not path.is_file():
        raise InventoryError(where, "is no regular file")
    value = parse_yaml(decode_text(read_bytes(where), where), where)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise InventoryError(
            where, f"found a {type(value).__name__}, expected a mapping of variables"
        )
    return check_variable_names(value)

"""Load the sources that the user names into one `Inventory`, and choose the reader of each.

The choice is that of ansible-core 2.19: ``a,b`` is a list of hosts, a folder holds sources in
sorted order, an executable is run, ``.yml``, ``.yaml`` and ``.json`` are YAML, a file without a
suffix is YAML where it is a mapping and INI otherwise, every other file is INI. ``-`` is standard
input.

Differences from Ansible: a source that cannot be read is an error, where Ansible warns and
continues without its hosts; a ``.yml`` file is never tried as INI; ``a[1:3],`` is a list with a
range (Ansible's ``advanced_host_list``, off by default there); and the output of
``ansible-inventory --list`` is read from a file or standard input (recognized by its ``_meta``).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ...core.errors import UsageError
from ...core.lazy_pattern import lazy_pattern
from ...core.text import escape_lines
from ..errors import InventoryError
from ..models import Inventory
from ..ranges import expand_host_pattern
from .ansible_inventory import read_with_ansible
from .document_values import KeyPath, describe_repeated_key
from .files import decode_text, read_bytes, read_stream
from .ini import read_ini_inventory
from .json_listing import read_listing
from .merge import GroupAncestry, VariableResolver, build_inventory, reconcile_groups
from .plugin import is_plugin_source, read_plugin_source
from .script import read_script
from .unresolved import UNGROUPED, UnresolvedInventory
from .variables_files import SUFFIXES, VariablesFiles
from .yaml import find_variable, read_yaml_inventory
from .yaml_text import NeedsAnsible, is_connection_variable, parse_yaml

__all__ = ["STDIN", "load_inventory"]

STDIN = "-"
_STDIN_NAME = "standard input"

# Names in a folder that are no sources (INVENTORY_IGNORE_EXTS in ansible/config/base.yml).
_IGNORED_NAME = lazy_pattern(
    r"^\.|^(?:host_vars|group_vars|vars_plugins)$"
    r"|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$"
)
_KEY = lazy_pattern(r"[^\s:]+:(?:\s|$)")


def load_inventory(
    sources: Sequence[str],
    *,
    stdin: IO[bytes] | None = None,
    playbook_dir: str | None = ".",
    may_run_programs: bool = True,
) -> Inventory:
    """Read all sources of one call and merge them as Ansible does.

    ``-`` reads ``stdin``. The group_vars and host_vars of ``playbook_dir`` take precedence over
    those beside the sources; it is the current folder by default, as in ``ansible-inventory``;
    None: no folder. ``may_run_programs``: False makes a source an error that needs
    ``ansible-inventory`` or a plugin; a caller that runs no program names no executable file.

    Raises InventoryError for a source that cannot be read or is invalid, UsageError where no source
    is named or ``-`` cannot be read.
    """
    if not sources:
        raise UsageError("no inventory is named: expected a file, a folder, '-' or 'host1,host2'")
    try:
        return _read_all(sources, stdin, playbook_dir, may_run_programs=may_run_programs)
    except InventoryError as error:
        # The file, the path of keys and the quoted values come from the inventory's author.
        raise InventoryError(escape_lines(error.where), escape_lines(error.problem)) from error


def _read_all(
    sources: Sequence[str],
    stdin: IO[bytes] | None,
    playbook_dir: str | None,
    *,
    may_run_programs: bool,
) -> Inventory:
    plugins = [] if may_run_programs else [one for one in sources if _is_plugin_source(one)]
    if plugins:
        raise InventoryError(plugins[0], "is read by a plugin")
    try:
        return _read_natively(sources, stdin, playbook_dir)
    except NeedsAnsible as need:
        if not may_run_programs:
            raise InventoryError(need.where, f"{need.reason}, which needs Ansible") from None
        unreadable = [one for one in sources if one == STDIN or _is_plugin_source(one)]
        if unreadable:
            raise InventoryError(
                need.where,
                f"{need.reason}; ansible-inventory, which reads all sources then, cannot read "
                f"{unreadable[0]!r}",
            ) from None
        return _read_through_ansible(sources, playbook_dir, need)


def _read_natively(
    sources: Sequence[str], stdin: IO[bytes] | None, playbook_dir: str | None
) -> Inventory:
    unresolved = UnresolvedInventory()
    for source in sources:
        _read_source(unresolved, source, stdin)
    reconcile_groups(unresolved)
    ancestry = GroupAncestry(unresolved)
    resolver = VariableResolver(
        unresolved,
        ancestry,
        _variables_files(unresolved, [_variables_folder(source) for source in sources]),
        _variables_files(unresolved, [playbook_dir]),
    )
    return build_inventory(
        unresolved,
        ancestry,
        sources,
        host_variables=resolver.resolve_host,
        group_variables=resolver.resolve_group,
    )


def _read_through_ansible(
    sources: Sequence[str], playbook_dir: str | None, need: NeedsAnsible
) -> Inventory:
    unresolved = UnresolvedInventory()
    named = [_expand_host_list(source) if _is_host_list(source) else source for source in sources]
    read_with_ansible(unresolved, named, playbook_dir, need)
    reconcile_groups(unresolved)
    return build_inventory(
        unresolved,
        GroupAncestry(unresolved),
        sources,
        host_variables=lambda host: host.variables,
        group_variables=lambda group: group.variables,
    )


def _read_source(unresolved: UnresolvedInventory, source: str, stdin: IO[bytes] | None) -> None:
    if source == STDIN:
        if stdin is None:
            raise UsageError("'-' stands for standard input, which cannot be read here")
        _read_text(
            unresolved, decode_text(read_stream(stdin, _STDIN_NAME), _STDIN_NAME), _STDIN_NAME
        )
    elif not source:
        raise UsageError("an inventory is named by an empty text, expected a file or folder")
    elif _is_plugin_source(source):
        read_plugin_source(unresolved, source)
    elif _is_host_list(source):
        _read_host_list(unresolved, source)
    elif _is_folder(source):
        if not _read_folder(unresolved, source, ()):
            raise InventoryError(
                source, "holds no inventory; expected files such as hosts.yml or hosts.ini in it"
            )
    else:
        _read_file(unresolved, source)


# pathlib raises for a text too long for a path, such as a list of many hosts; these return False.
def _exists(source: str) -> bool:
    return os.path.exists(source)  # noqa: PTH110 (see above)


def _is_folder(source: str) -> bool:
    return os.path.isdir(source)  # noqa: PTH112 (see above)


def _is_plugin_source(source: str) -> bool:
    return ":" in source and not _exists(source) and is_plugin_source(source)


def _is_host_list(source: str) -> bool:
    return "," in source and not _exists(source) and not _is_plugin_source(source)


def _read_host_list(unresolved: UnresolvedInventory, source: str) -> None:
    where = repr(source)
    for word in source.split(","):
        if word.strip():
            names, port = expand_host_pattern(word.strip(), where)
            # A list does not change known hosts: they stay in their groups.
            new = [name for name in names if name not in unresolved.hosts]
            unresolved.add_hosts(new, UNGROUPED, port, where)


def _expand_host_list(source: str) -> str:
    names: list[str] = []
    for word in source.split(","):
        text = word.strip()
        names += expand_host_pattern(text, repr(source))[0] if "[" in text else [text]
    return ",".join(names) + ","


def _read_folder(unresolved: UnresolvedInventory, folder: str, within: tuple[str, ...]) -> bool:
    real = os.path.realpath(folder)
    if real in within:
        raise InventoryError(folder, "is a link to a folder that holds it")
    try:
        paths = sorted(
            path for path in Path(folder).iterdir() if not _IGNORED_NAME().search(path.name)
        )
        folders = {path for path in paths if path.is_dir()}
        files = {path for path in paths if path.is_file()}
    except OSError as error:
        raise InventoryError(folder, f"cannot be read: {error.strerror}") from error
    found = False
    for path in paths:
        if path in folders:
            found = _read_folder(unresolved, str(path), (*within, real)) or found
        elif path in files:
            _read_file(unresolved, str(path))
            found = True
        else:
            raise InventoryError(
                str(path), "is no regular file, and all of a folder's sources are read"
            )
    return found


def _read_file(unresolved: UnresolvedInventory, path: str) -> None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        raise InventoryError(
            path, f"no such file or folder; a host is named with a comma: '{path},'"
        ) from None
    except OSError as error:
        raise InventoryError(repr(path), f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InventoryError(repr(path), f"cannot be read: {error}") from error
    suffix = Path(path).suffix
    if stat.S_ISREG(mode) and os.access(path, os.X_OK) and read_script(unresolved, path):
        return
    if suffix == ".toml":
        raise NeedsAnsible(path, "is a TOML inventory")
    text = decode_text(read_bytes(path), path)
    if not text.startswith("#!"):
        _read_static(unresolved, text, path)
        return
    hint = f"it begins with '#!': if it is a program, make it executable (chmod +x {path})"
    try:
        _read_static(unresolved, text, path)
    except InventoryError as error:
        raise InventoryError(error.where, f"{error.problem}; {hint}") from error
    if not os.access(path, os.X_OK):
        unresolved.add_note(f"{path}: read as text, though {hint}")


def _read_static(unresolved: UnresolvedInventory, text: str, path: str) -> None:
    suffix = Path(path).suffix
    if suffix in SUFFIXES:
        _read_data(unresolved, _parse(unresolved, text, path), path, text)
    elif suffix:
        _read_ini(unresolved, text, path)
    else:
        _read_text(unresolved, text, path)


def _read_text(unresolved: UnresolvedInventory, text: str, where: str) -> None:
    """Read a source without a suffix: YAML where it is a mapping, INI otherwise."""
    try:
        data = _parse(unresolved, text, where)
    except InventoryError:
        if _looks_like_yaml(text):
            raise
        data = None
    if isinstance(data, dict):
        _read_data(unresolved, data, where, text)
    else:
        _read_ini(unresolved, text, where)


def _parse(unresolved: UnresolvedInventory, text: str, where: str) -> object:
    """Parse YAML; of a variable that does not concern the connection, the last value counts."""

    def allow_repeated_key(path: KeyPath, line: str) -> bool:
        name = find_variable(path)
        if name is None or is_connection_variable(name):
            return False
        unresolved.add_note(describe_repeated_key(path, line))
        return True

    return parse_yaml(text, where, allow_repeated_key)


def _read_data(unresolved: UnresolvedInventory, data: object, where: str, text: str) -> None:
    if isinstance(data, dict) and isinstance(data.get("_meta"), dict):
        read_listing(unresolved, data, where)
    else:
        read_yaml_inventory(unresolved, data, where, text)


def _looks_like_yaml(text: str) -> bool:
    """Whether an invalid file is meant as YAML: its first line begins a document or a mapping."""
    for raw in text.splitlines():
        line = raw.strip()
        if line and line[0] not in "#;":
            return line.startswith(("---", "{")) or _KEY().match(line) is not None
    return False


def _read_ini(unresolved: UnresolvedInventory, text: str, where: str) -> None:
    if text.startswith("$ANSIBLE_VAULT"):
        raise NeedsAnsible(where, "is encrypted by ansible-vault")
    read_ini_inventory(unresolved, text, where)


def _variables_folder(source: str) -> str | None:
    """The folder whose group_vars and host_vars belong to a source; None: there is none."""
    if source == STDIN or _is_host_list(source) or _is_plugin_source(source):
        return None
    return source if _is_folder(source) else str(Path(source).parent)


def _variables_files(
    unresolved: UnresolvedInventory, folders: Sequence[str | None]
) -> list[VariablesFiles]:
    # Of a folder that several sources share, the last position counts, as Ansible reads it again.
    by_real_path: dict[str, str] = {}
    for folder in folders:
        if folder is not None:
            real = os.path.realpath(folder)
            by_real_path.pop(real, None)
            by_real_path[real] = folder
    return [VariablesFiles(folder, unresolved.add_note) for folder in by_real_path.values()]

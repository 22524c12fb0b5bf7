"""From what the user names as inventories to one `Inventory`: which reader reads which source.

The choice is ansible-core 2.19's: ``a,b`` is a list of hosts, a folder holds sources in sorted
order, an executable is run, ``.yml``, ``.yaml`` and ``.json`` are YAML, a file without a suffix is
YAML where it is a mapping and INI otherwise, everything else is INI. ``-`` is standard input.

Stricter on purpose: where Ansible warns of a source it cannot read and goes on without its hosts,
that is an error here, and a ``.yml`` file is never tried as INI. Wider on purpose: ``a[1:3],`` is a
list with a range (Ansible's ``advanced_host_list``, which it has off by default), and what
``ansible-inventory --list`` printed is read from a file or standard input (told by its ``_meta``).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ...core.errors import UsageError
from ...core.text import escape_lines
from ..errors import InventoryError
from ..models import Inventory
from ..ranges import host_names
from .ansible_inventory import read_with_ansible
from .files import decode_text, read_bytes, read_stream
from .ini import read_ini_inventory
from .json_listing import read_listing
from .merge import Lineage, Precedence, assemble, settle_groups
from .plugin import is_plugin_source, read_plugin_source
from .script import read_script
from .unresolved import UNGROUPED, UnresolvedInventory
from .variables_files import SUFFIXES, VariablesFiles
from .yaml import read_yaml_inventory
from .yaml_text import NeedsAnsible, parse_yaml

__all__ = ["STDIN", "load_inventory"]

STDIN = "-"
_STDIN_NAME = "standard input"

# Names in a folder of sources that are none (INVENTORY_IGNORE_EXTS in ansible/config/base.yml).
_NO_SOURCE = re.compile(
    r"^\.|^(?:host_vars|group_vars|vars_plugins)$"
    r"|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$"
)
_KEY = re.compile(r"[^\s:]+:(?:\s|$)")


def load_inventory(
    sources: Sequence[str], *, stdin: IO[bytes] | None = None, playbook_dir: str | None = "."
) -> Inventory:
    """Read all sources of one call and merge them as Ansible does.

    ``stdin`` is what ``-`` reads. ``playbook_dir`` is a folder whose group_vars and host_vars count
    above those beside the sources: by default the current one, as for ``ansible-inventory``; None
    for none.

    Raises InventoryError for a source that cannot be read or cannot be right, UsageError when no
    source is named or ``-`` cannot be read.
    """
    if not sources:
        raise UsageError("no inventory is named: expected a file, a folder, '-' or 'host1,host2'")
    try:
        return _read_all(sources, stdin, playbook_dir)
    except InventoryError as error:
        # Its file, its path of keys and what it quotes are texts of whoever wrote the inventory.
        raise InventoryError(escape_lines(error.where), escape_lines(error.problem)) from error


def _read_all(
    sources: Sequence[str], stdin: IO[bytes] | None, playbook_dir: str | None
) -> Inventory:
    try:
        return _read_ourselves(sources, stdin, playbook_dir)
    except NeedsAnsible as need:
        foreign = [one for one in sources if one == STDIN or _is_plugin_source(one)]
        if foreign:
            raise InventoryError(
                need.where,
                f"{need.reason}; ansible-inventory, which reads all sources then, cannot read "
                f"{foreign[0]!r}",
            ) from None
        return _read_by_ansible(sources, playbook_dir, need)


def _read_ourselves(
    sources: Sequence[str], stdin: IO[bytes] | None, playbook_dir: str | None
) -> Inventory:
    draft = UnresolvedInventory()
    for source in sources:
        _read_source(draft, source, stdin)
    settle_groups(draft)
    lineage = Lineage(draft)
    precedence = Precedence(
        draft,
        lineage,
        _variables_files([_folder_of(source) for source in sources]),
        _variables_files([playbook_dir]),
    )
    return assemble(
        draft,
        lineage,
        sources,
        host_variables=precedence.of,
        group_variables=precedence.of_group,
    )


def _read_by_ansible(
    sources: Sequence[str], playbook_dir: str | None, need: NeedsAnsible
) -> Inventory:
    draft = UnresolvedInventory()
    named = [_expanded(source) if _is_host_list(source) else source for source in sources]
    read_with_ansible(draft, named, playbook_dir, need)
    settle_groups(draft)
    return assemble(
        draft,
        Lineage(draft),
        sources,
        host_variables=lambda host: host.variables,
        group_variables=lambda group: group.variables,
    )


def _read_source(draft: UnresolvedInventory, source: str, stdin: IO[bytes] | None) -> None:
    if source == STDIN:
        if stdin is None:
            raise UsageError("'-' stands for standard input, which cannot be read here")
        _read_text(draft, decode_text(read_stream(stdin, _STDIN_NAME), _STDIN_NAME), _STDIN_NAME)
    elif not source:
        raise UsageError("an inventory is named by an empty text, expected a file or folder")
    elif _is_plugin_source(source):
        read_plugin_source(draft, source)
    elif _is_host_list(source):
        _read_host_list(draft, source)
    elif _is_folder(source):
        if not _read_folder(draft, source, ()):
            raise InventoryError(
                source, "holds no inventory; expected files such as hosts.yml or hosts.ini in it"
            )
    else:
        _read_file(draft, source)


# pathlib raises for what is too long to be a path, as a list of many hosts is; these say no.
def _is_there(source: str) -> bool:
    return os.path.exists(source)  # noqa: PTH110 (see above)


def _is_folder(source: str) -> bool:
    return os.path.isdir(source)  # noqa: PTH112 (see above)


def _is_plugin_source(source: str) -> bool:
    return ":" in source and not _is_there(source) and is_plugin_source(source)


def _is_host_list(source: str) -> bool:
    return "," in source and not _is_there(source) and not _is_plugin_source(source)


def _read_host_list(draft: UnresolvedInventory, source: str) -> None:
    where = repr(source)
    for word in source.split(","):
        if word.strip():
            names, port = host_names(word.strip(), where)
            # A list names hosts and changes none: one that is known stays in its groups.
            new = [name for name in names if name not in draft.hosts]
            draft.add_hosts(new, UNGROUPED, port, where)


def _expanded(source: str) -> str:
    names: list[str] = []
    for word in source.split(","):
        text = word.strip()
        names += host_names(text, repr(source))[0] if "[" in text else [text]
    return ",".join(names) + ","


def _read_folder(draft: UnresolvedInventory, folder: str, within: tuple[str, ...]) -> bool:
    real = os.path.realpath(folder)
    if real in within:
        raise InventoryError(folder, "is a link to a folder that holds it")
    try:
        paths = sorted(path for path in Path(folder).iterdir() if not _NO_SOURCE.search(path.name))
        folders = {path for path in paths if path.is_dir()}
        files = {path for path in paths if path.is_file()}
    except OSError as error:
        raise InventoryError(folder, f"cannot be read: {error.strerror}") from error
    found = False
    for path in paths:
        if path in folders:
            found = _read_folder(draft, str(path), (*within, real)) or found
        elif path in files:
            _read_file(draft, str(path))
            found = True
        else:
            raise InventoryError(
                str(path), "is no regular file, and all of a folder's sources are read"
            )
    return found


def _read_file(draft: UnresolvedInventory, path: str) -> None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        raise InventoryError(
            path, f"no such file or folder; a host is named with a comma: '{path},'"
        ) from None
    except (OSError, ValueError) as error:
        raise InventoryError(repr(path), f"cannot be read: {error}") from error
    suffix = Path(path).suffix
    if stat.S_ISREG(mode) and os.access(path, os.X_OK) and read_script(draft, path):
        return
    if suffix == ".toml":
        raise NeedsAnsible(path, "is a TOML inventory")
    text = decode_text(read_bytes(path), path)
    if suffix in SUFFIXES:
        _read_data(draft, parse_yaml(text, path), path)
    elif suffix:
        _read_ini(draft, text, path)
    else:
        _read_text(draft, text, path)


def _read_text(draft: UnresolvedInventory, text: str, where: str) -> None:
    """What has no suffix to tell: YAML where it is a mapping, INI otherwise."""
    try:
        data = parse_yaml(text, where)
    except InventoryError:
        if _looks_like_yaml(text):
            raise
        data = None
    if isinstance(data, dict):
        _read_data(draft, data, where)
    else:
        _read_ini(draft, text, where)


def _read_data(draft: UnresolvedInventory, data: object, where: str) -> None:
    if isinstance(data, dict) and isinstance(data.get("_meta"), dict):
        read_listing(draft, data, where)
    else:
        read_yaml_inventory(draft, data, where)


def _looks_like_yaml(text: str) -> bool:
    """Whether a faulty file was meant as YAML: its first line begins a document or a mapping."""
    for raw in text.splitlines():
        line = raw.strip()
        if line and line[0] not in "#;":
            return line.startswith(("---", "{")) or _KEY.match(line) is not None
    return False


def _read_ini(draft: UnresolvedInventory, text: str, where: str) -> None:
    if text.startswith("$ANSIBLE_VAULT"):
        raise NeedsAnsible(where, "is encrypted by ansible-vault")
    read_ini_inventory(draft, text, where)


def _folder_of(source: str) -> str | None:
    """The folder whose group_vars and host_vars belong to a source; None for none."""
    if source == STDIN or _is_host_list(source) or _is_plugin_source(source):
        return None
    return source if _is_folder(source) else str(Path(source).parent)


def _variables_files(folders: Sequence[str | None]) -> list[VariablesFiles]:
    # Where two sources share a folder its last place counts, as it would be read over again.
    places: dict[str, str] = {}
    for folder in folders:
        if folder is not None:
            real = os.path.realpath(folder)
            places.pop(real, None)
            places[real] = folder
    return [VariablesFiles(folder) for folder in places.values()]

"""Read ssh_config files, those that ssh reads by itself among them, each once."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from glob import glob
from pathlib import Path

from ...core.errors import UsageError
from ...core.record import record
from ..errors import InventoryError
from .arguments import SshOption, read_option
from .match_commands import MatchCommands
from .match_criteria import PatternList, Scope, match_alias, parse_match
from .ssh_config import Block, MatchedOptions, SshConfig

__all__ = [
    "WITHOUT_DEFAULT_FILES",
    "ConfigFiles",
    "ConfigSource",
    "DefaultFiles",
    "find_default_files",
    "read_default_files",
    "read_ssh_config",
]

WITHOUT_DEFAULT_FILES = "--ssh-config none reads neither ~/.ssh/config nor the system's"
"""The end of an error whose cause stands in a file that ssh reads by itself."""

SYSTEM_FILE = "/etc/ssh/ssh_config"
"""Read after the user's own file, ~/.ssh/config."""

_DEPTH = 16  # of Include, as READCONF_MAX_DEPTH in OpenSSH's readconf.c
_MOST_BYTES = 16 << 20
_WILD = frozenset("*?!")


@record
class DefaultFiles:
    """The files that ssh reads where no -F names another: their paths."""

    user: str
    system: str


ConfigSource = str | DefaultFiles | None
"""Which ssh_config applies: a file (-F), those that ssh reads by itself, or none."""


class ConfigFiles:
    """The files that hosts name, each read at its first use."""

    def __init__(self) -> None:
        self._configs: dict[ConfigSource, SshConfig] = {}

    def load(self, source: str | DefaultFiles) -> SshConfig:
        """Read an ssh_config, once.

        Raises InventoryError for a file that is named, UsageError for those that ssh reads by
        itself: their faults are no host's.
        """
        if source not in self._configs:
            if isinstance(source, str):
                self._configs[source] = read_ssh_config(source)
            else:
                try:
                    self._configs[source] = read_default_files(source)
                except InventoryError as error:
                    raise UsageError(f"{error}; {WITHOUT_DEFAULT_FILES}") from None
        return self._configs[source]

    def match(
        self, alias: str, options: Sequence[SshOption], source: ConfigSource
    ) -> MatchedOptions:
        """The options for ``alias``, after ``options``; none for the source None or ``none``.

        Raises as `load` and `SshConfig.match`.
        """
        if source is None or (isinstance(source, str) and source.lower() == "none"):
            return _NOTHING_MATCHED
        earlier = {o.name: o.text for o in reversed(options) if o.name in _COMPARED}
        return self.load(source).match(alias, **earlier)

    def holds_by_default(self, where: str) -> bool:
        """Whether the place that an error names is in a file that ssh reads by itself."""
        return any(
            where.startswith(f"{file}:")
            for source, config in self._configs.items()
            if isinstance(source, DefaultFiles)
            for file in config.files
        )


def find_default_files() -> DefaultFiles:
    """The files of this user; none of them need exist."""
    return DefaultFiles(user=str(Path("~/.ssh/config").expanduser()), system=SYSTEM_FILE)


def read_ssh_config(path: str) -> SshConfig:
    """Read a file and the files it includes. Raises InventoryError naming file and line."""
    reader = _Reader(_user_folder())
    reader.read(Path(path).expanduser(), Scope(), depth=0)
    return SshConfig(reader.blocks, reader.files)


def read_default_files(files: DefaultFiles) -> SshConfig:
    """Read the user's file, then the system's, as ssh does: a missing one is no error.

    The commands of ``Match exec`` are run. Raises InventoryError naming file and line, and for a
    file that another user could have written.
    """
    commands = MatchCommands()
    users = _Reader(_user_folder(), commands, checks_owner=True, is_default=True)
    users.read_if_present(Path(files.user))
    system = _Reader(Path(files.system).parent, commands, is_default=True)
    system.read_if_present(Path(files.system))
    return SshConfig([*users.blocks, *system.blocks], [*users.files, *system.files])


def _user_folder() -> Path:
    """The folder of the user's ssh_config: names in its ``Include`` lines are relative to it."""
    return Path("~/.ssh").expanduser()


class _Reader:
    """Reads a file and those that it includes into blocks."""

    def __init__(
        self,
        folder: Path,
        commands: MatchCommands | None = None,
        *,
        checks_owner: bool = False,
        is_default: bool = False,
    ) -> None:
        self.blocks: list[Block] = []
        self.files: list[str] = []
        self._folder = folder
        self._commands = commands
        self._checks_owner = checks_owner
        self._is_default = is_default

    def read_if_present(self, path: Path) -> None:
        """Read a file that ssh does not miss: absent, or closed to this user."""
        if os.access(path, os.R_OK):
            self.read(path, Scope(), depth=0)

    def read(self, path: Path, enclosing: Scope, *, depth: int) -> None:
        """Read one file; raises InventoryError."""
        data = self._read_bytes(path, is_included=depth > 0)
        if data is None:
            return
        self.files.append(str(path))
        # ssh reads bytes: a comment in another encoding is no fault, and a value in it is one only
        # where it is used. Surrogates are not printable, so that the checks of values refuse them.
        text = data.decode("utf-8", "surrogateescape")
        block = Block(scope=enclosing, options=[], plain=None)
        self.blocks.append(block)
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            option = read_option(line, f"{path}:{number}")
            if option.name in {"host", "match"}:
                block = _open_block(option, enclosing, self._commands)
                self.blocks.append(block)
            elif option.name == "include":
                self._include(option, block.scope, depth=depth + 1)
                # The lines after an Include belong to its block again, after the included options.
                block = replace(block, options=[])
                self.blocks.append(block)
            else:
                block.options.append(
                    replace(option, is_default=True) if self._is_default else option
                )

    def _read_bytes(self, path: Path, *, is_included: bool) -> bytes | None:
        """The content; None for a folder, in which ssh finds no line, and a link to nothing."""
        try:
            if self._is_default and not _is_file(path):
                raise InventoryError(str(path), "this ssh_config is refused: it is no file")
            with path.open("rb") as file:
                if self._is_default and (self._checks_owner or is_included):
                    _check_owner(path, os.fstat(file.fileno()))
                data = file.read(_MOST_BYTES + 1)
        except IsADirectoryError:
            return None
        except OSError as error:
            if is_included and error.errno == errno.ENOENT:
                return None
            reason = os.strerror(error.errno or 0)
            raise InventoryError(str(path), f"this ssh_config cannot be read: {reason}") from None
        if len(data) > _MOST_BYTES:
            raise InventoryError(str(path), f"more than {_MOST_BYTES >> 20} MiB: no ssh_config")
        return data

    def _include(self, option: SshOption, enclosing: Scope, *, depth: int) -> None:
        if depth > _DEPTH:
            raise InventoryError(option.source, f"Include goes deeper than {_DEPTH} files")
        for word in option.words:
            # As ssh does: relative to the folder of the file; a pattern may match no file.
            pattern = self._folder / Path(word).expanduser()
            for path in _expand_pattern(str(pattern)):
                self.read(Path(path), enclosing, depth=depth)


def _is_file(path: Path) -> bool:
    """False for what could let the scan wait: a FIFO, a device."""
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _check_owner(path: Path, status: os.stat_result) -> None:
    """Raise InventoryError where another user may write it, as read_config_file_depth() does."""
    is_foreign = status.st_uid not in (0, os.geteuid())
    if is_foreign or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = "it belongs to another user" if is_foreign else "other users can write to it"
        raise InventoryError(str(path), f"this ssh_config is refused, as by ssh: {why}")


def _expand_pattern(pattern: str) -> list[str]:
    """Return the existing paths that a pattern of glob(3) names, in the order of their bytes.

    Unlike pathlib, glob(3) leaves out hidden names unless the pattern spells the dot, and ``**``
    means one folder.
    """
    return sorted(glob(pattern), key=os.fsencode)  # noqa: PTH207 (pathlib's reads hidden names)


def _open_block(option: SshOption, enclosing: Scope, commands: MatchCommands | None) -> Block:
    if not option.words:
        raise InventoryError(option.source, f"{option.written} has no value")
    if option.name == "match":
        return Block(scope=enclosing & parse_match(option, commands), options=[], plain=None)
    is_alone = enclosing == Scope()
    is_plain = is_alone and not any(_WILD & set(word) for word in option.words)
    listed = PatternList(option.words)
    return Block(
        scope=enclosing & match_alias(listed),
        options=[],
        plain=option.words if is_plain else None,
        patterns=listed if is_alone else None,
    )


_NOTHING_MATCHED = MatchedOptions()
_COMPARED = frozenset({"user", "hostname", "port"})

"""Read an ssh_config file and find the options that apply to a host, by ssh_config(5).

paramiko's SSHConfig is not used: it gives no file and line for messages, ignores ``Include``, runs
``Match exec``, considers unknown criteria met, and queries the name service for each IdentityFile.

`match_criteria` reads the criteria of ``Match``. As in ssh, a ``Match final`` anywhere in the file
applies it twice, the second time with the host name that the first time settles.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from heapq import merge
from pathlib import Path

from ..errors import InventoryError
from .arguments import SshOption, read_option
from .match_criteria import Scope, Target, match_alias, parse_match

__all__ = ["SshConfig", "read_ssh_config"]

_DEPTH = 16  # of Include, as READCONF_MAX_DEPTH in OpenSSH's readconf.c
_WILD = frozenset("*?!")


@dataclass(slots=True, kw_only=True)
class _Block:
    scope: Scope
    options: list[SshOption]
    plain: tuple[str, ...] | None
    """The names of a ``Host`` line without wildcards and conditions around it; otherwise None."""


class SshConfig:
    """One file with all files that it includes, parsed once for all hosts."""

    def __init__(self, blocks: Sequence[_Block]) -> None:
        self._blocks = blocks
        self._has_final_pass = any(block.scope.wants_final_pass for block in blocks)
        self._named: dict[str, list[int]] = {}
        self._general: list[int] = []
        for index, block in enumerate(blocks):
            for name in set(block.plain or ()):
                self._named.setdefault(name, []).append(index)
            if block.plain is None and block.options:
                self._general.append(index)

    def options(self, alias: str, *, user: str | None, hostname: str | None) -> list[SshOption]:
        """The options for ``alias`` in the order of the file; the first of a keyword takes effect.

        ``user`` and ``hostname`` are values that earlier options set, or None. Raises
        InventoryError where a criterion that is not read decides on an option of this host.
        """
        found = self._apply(alias, user=user, hostname=hostname, is_final=False)
        if self._has_final_pass:
            user = user or _find_first(found, "user")
            hostname = _expand_hostname(hostname or _find_first(found, "hostname"), alias).lower()
            final = self._apply(alias, user=user, hostname=hostname, is_final=True)
            # By then ssh has set the host name, so that no HostName takes effect any more.
            found += [option for option in final if option.name != "hostname"]
        return found

    def _apply(
        self, alias: str, *, user: str | None, hostname: str | None, is_final: bool
    ) -> list[SshOption]:
        found: list[SshOption] = []
        local_user = getpass.getuser()
        named = hostname if is_final and hostname is not None else alias
        for index in merge(self._named.get(named, ()), self._general):
            block = self._blocks[index]
            target = Target(
                alias=alias,
                hostname=_expand_hostname(hostname, alias),
                user=user or local_user,
                local_user=local_user,
                is_final=is_final,
            )
            if not block.scope.includes(target):
                continue
            found += block.options
            hostname = hostname or _find_first(block.options, "hostname")
            user = user or _find_first(block.options, "user")
        return found


def read_ssh_config(path: str) -> SshConfig:
    """Read a file and the files it includes. Raises InventoryError naming file and line."""
    blocks: list[_Block] = []
    _read(Path(path).expanduser(), blocks, Scope(), depth=0)
    return SshConfig(blocks)


def _read(path: Path, blocks: list[_Block], enclosing: Scope, *, depth: int) -> None:
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        return  # ssh opens a folder and finds no line in it
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InventoryError(str(path), f"this ssh_config cannot be read: {reason}") from None
    # ssh reads bytes: a comment in another encoding is no fault, and a value in it is one only
    # where it is used. Surrogates are not printable, so that the checks of values refuse them.
    text = data.decode("utf-8", "surrogateescape")
    block = _Block(scope=enclosing, options=[], plain=None)
    blocks.append(block)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        option = read_option(line, f"{path}:{number}")
        if option.name in {"host", "match"}:
            block = _open_block(option, enclosing)
            blocks.append(block)
        elif option.name == "include":
            _include(option, blocks, block.scope, depth=depth + 1)
            # The lines after an Include belong to its block again, after the included options.
            block = _Block(scope=block.scope, options=[], plain=block.plain)
            blocks.append(block)
        else:
            block.options.append(option)


def _include(option: SshOption, blocks: list[_Block], enclosing: Scope, *, depth: int) -> None:
    if depth > _DEPTH:
        raise InventoryError(option.source, f"Include goes deeper than {_DEPTH} files")
    for word in option.words:
        # As ssh does for a user's file: relative to ~/.ssh; a pattern may match no file.
        pattern = Path("~/.ssh").expanduser() / Path(word).expanduser()
        for path in _expand_pattern(str(pattern)):
            _read(Path(path), blocks, enclosing, depth=depth)


def _expand_pattern(pattern: str) -> list[str]:
    """Return the existing paths that a pattern of glob(3) names, in the order of their bytes.

    Unlike pathlib, glob(3) leaves out hidden names unless the pattern spells the dot, and ``**``
    means one folder.
    """
    return sorted(glob(pattern), key=os.fsencode)  # noqa: PTH207 (pathlib's reads hidden names)


def _open_block(option: SshOption, enclosing: Scope) -> _Block:
    if not option.words:
        raise InventoryError(option.source, f"{option.written} has no value")
    if option.name == "match":
        return _Block(scope=enclosing & parse_match(option), options=[], plain=None)
    is_alone = enclosing == Scope() and not any(_WILD & set(word) for word in option.words)
    return _Block(
        scope=enclosing & match_alias(option.words),
        options=[],
        plain=option.words if is_alone else None,
    )


def _expand_hostname(hostname: str | None, alias: str) -> str:
    """Return the host name that Match compares: ssh fills in %h and %% there."""
    if hostname is None:
        return alias
    return re.sub("%[h%]", lambda found: alias if found[0] == "%h" else "%", hostname)


def _find_first(options: Sequence[SshOption], name: str) -> str | None:
    return next((o.words[0] for o in options if o.name == name and o.words), None)

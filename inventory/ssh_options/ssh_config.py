"""Read an ssh_config file and find the options that apply to a host, by ssh_config(5).

paramiko's SSHConfig is not used: it gives no file and line for messages, ignores ``Include``, runs
``Match exec``, considers unknown criteria met, and queries the name service for each IdentityFile.

``Match`` supports ``all``, ``host``, ``originalhost``, ``user`` and ``localuser``; the criteria
that run commands or inspect the network are refused by name.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from heapq import merge
from pathlib import Path

from ...core.record import record
from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption, read_option

__all__ = ["SshConfig", "read_ssh_config"]

_DEPTH = 16  # of Include, as READCONF_MAX_DEPTH in OpenSSH's readconf.c
_MATCHED_BY_VALUE = frozenset({"host", "originalhost", "user", "localuser"})
_WILD = frozenset("*?!")


@record
class _Target:
    """A login's host and user, with the values set so far, which later Match lines compare."""

    alias: str
    hostname: str
    user: str
    local_user: str


_Condition = Callable[[_Target], bool]


@dataclass(slots=True, kw_only=True)
class _Block:
    conditions: tuple[_Condition, ...]
    options: list[SshOption]
    plain: tuple[str, ...] | None
    """The names of a ``Host`` line without wildcards and conditions around it; otherwise None."""


class SshConfig:
    """One file with all files that it includes, parsed once for all hosts."""

    def __init__(self, blocks: Sequence[_Block]) -> None:
        self._blocks = blocks
        self._named: dict[str, list[int]] = {}
        self._general: list[int] = []
        for index, block in enumerate(blocks):
            for name in set(block.plain or ()):
                self._named.setdefault(name, []).append(index)
            if block.plain is None and block.options:
                self._general.append(index)

    def options(self, alias: str, *, user: str | None, hostname: str | None) -> list[SshOption]:
        """The options for ``alias`` in the order of the file; the first of a keyword takes effect.

        ``user`` and ``hostname`` are values that earlier options set, or None.
        """
        found: list[SshOption] = []
        local_user = getpass.getuser()
        for index in merge(self._named.get(alias, ()), self._general):
            block = self._blocks[index]
            target = _Target(
                alias=alias,
                hostname=hostname or alias,
                user=user or local_user,
                local_user=local_user,
            )
            if not all(condition(target) for condition in block.conditions):
                continue
            found += block.options
            hostname = hostname or _find_first(block.options, "hostname")
            user = user or _find_first(block.options, "user")
        return found


def read_ssh_config(path: str) -> SshConfig:
    """Read a file and the files it includes. Raises InventoryError naming file and line."""
    blocks: list[_Block] = []
    _read(Path(path).expanduser(), blocks, (), depth=0)
    return SshConfig(blocks)


def _read(
    path: Path, blocks: list[_Block], enclosing: tuple[_Condition, ...], *, depth: int
) -> None:
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
    block = _Block(conditions=enclosing, options=[], plain=None)
    blocks.append(block)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        option = read_option(line, f"{path}:{number}")
        if option.name in {"host", "match"}:
            block = _open_block(option, enclosing)
            blocks.append(block)
        elif option.name == "include":
            _include(option, blocks, block.conditions, depth=depth + 1)
            # The lines after an Include belong to its block again, after the included options.
            block = _Block(conditions=block.conditions, options=[], plain=block.plain)
            blocks.append(block)
        else:
            block.options.append(option)


def _include(
    option: SshOption, blocks: list[_Block], enclosing: tuple[_Condition, ...], *, depth: int
) -> None:
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


def _open_block(option: SshOption, enclosing: tuple[_Condition, ...]) -> _Block:
    if not option.words:
        raise InventoryError(option.source, f"{option.written} has no value")
    if option.name == "match":
        return _Block(conditions=(*enclosing, *_parse_match(option)), options=[], plain=None)
    alone = not enclosing and not any(_WILD & set(word) for word in option.words)
    return _Block(
        conditions=(*enclosing, _make_host_condition(option.words)),
        options=[],
        plain=option.words if alone else None,
    )


def _make_host_condition(patterns: Sequence[str]) -> _Condition:
    listed = _PatternList(patterns)
    return lambda target: listed.matches(target.alias)


def _parse_match(option: SshOption) -> Iterator[_Condition]:
    words = iter(option.words)
    for word in words:
        criterion, negated = word.lower().removeprefix("!"), word.startswith("!")
        if criterion == "all":
            yield _is_never_met if negated else _is_always_met
            continue
        if criterion not in _MATCHED_BY_VALUE:
            raise InventoryError(
                option.source,
                f"Match {quote(word)} is refused: all, host, originalhost, user and localuser "
                "are read",
            )
        value = next(words, None)
        if value is None:
            raise InventoryError(option.source, f"Match {criterion} has no pattern")
        yield _make_criterion(criterion, value, negated=negated)


def _is_always_met(_target: _Target) -> bool:
    return True


def _is_never_met(_target: _Target) -> bool:
    return False


def _make_criterion(criterion: str, value: str, *, negated: bool) -> _Condition:
    lowered = criterion in {"host", "originalhost"}
    listed = _PatternList((value.lower() if lowered else value).split(","))

    def is_met(target: _Target) -> bool:
        actual = {
            "host": target.hostname.lower(),
            "originalhost": target.alias.lower(),
            "user": target.user,
            "localuser": target.local_user,
        }[criterion]
        return listed.matches(actual) is not negated

    return is_met


class _PatternList:
    """Patterns with * and ?; a match of a pattern that begins with ! excludes all others."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._wanted = [_compile_pattern(p) for p in patterns if not p.startswith("!")]
        self._unwanted = [_compile_pattern(p[1:]) for p in patterns if p.startswith("!")]

    def matches(self, text: str) -> bool:
        if any(pattern.fullmatch(text) for pattern in self._unwanted):
            return False
        return any(pattern.fullmatch(text) for pattern in self._wanted)


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(char) or re.escape(char) for char in pattern), re.DOTALL)


def _find_first(options: Sequence[SshOption], name: str) -> str | None:
    return next((o.words[0] for o in options if o.name == name and o.words), None)

"""An ssh_config file: which of its options hold for which host, as ssh_config(5) says.

A reader of our own, because a message must name file and line, and because reading must stay
reading: paramiko's SSHConfig passes over ``Include``, runs ``Match exec``, takes any criterion it
does not know as met, and asks the name service for each IdentityFile it expands.

``Match`` knows ``all``, ``host``, ``originalhost``, ``user`` and ``localuser``; the criteria that
run commands or look at the network are refused by name.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
class _Asked:
    """For whom the file is asked, and what it said so far: later Match lines look at that."""

    alias: str
    hostname: str
    user: str
    local_user: str


_Condition = Callable[[_Asked], bool]


@dataclass(slots=True, kw_only=True)
class _Block:
    conditions: tuple[_Condition, ...]
    options: list[SshOption]
    plain: tuple[str, ...] | None
    """The names of a ``Host`` line without wildcards that stands alone; else None."""


class SshConfig:
    """One file with all it includes, read once and then asked per host."""

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
        """The options for ``alias`` in the order of the file; for each keyword the first counts.

        ``user`` and ``hostname`` are what was decided before the file is asked, or None.
        """
        held: list[SshOption] = []
        local_user = getpass.getuser()
        for index in merge(self._named.get(alias, ()), self._general):
            block = self._blocks[index]
            asked = _Asked(
                alias=alias,
                hostname=hostname or alias,
                user=user or local_user,
                local_user=local_user,
            )
            if not all(condition(asked) for condition in block.conditions):
                continue
            held += block.options
            hostname = hostname or _first(block.options, "hostname")
            user = user or _first(block.options, "user")
        return held


def read_ssh_config(path: str) -> SshConfig:
    """Read a file and what it includes. Raises InventoryError naming file and line."""
    blocks: list[_Block] = []
    _read(Path(path).expanduser(), blocks, (), depth=0)
    return SshConfig(blocks)


def _read(
    path: Path, blocks: list[_Block], enclosing: tuple[_Condition, ...], *, depth: int
) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InventoryError(str(path), f"this ssh_config cannot be read: {said}") from None
    block = _Block(conditions=enclosing, options=[], plain=None)
    blocks.append(block)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        option = read_option(line, f"{path}:{number}")
        if option.name in {"host", "match"}:
            block = _opened(option, enclosing)
            blocks.append(block)
        elif option.name == "include":
            _include(option, blocks, block.conditions, depth=depth + 1)
            # What follows belongs to the block that the Include stands in, after what it brought.
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
        named = Path(word).expanduser()
        # As ssh does for a user's file: relative to ~/.ssh; a pattern that matches nothing is fine.
        pattern = named if named.is_absolute() else Path("~/.ssh").expanduser() / named
        anchor = Path(pattern.anchor)
        for path in sorted(anchor.glob(str(pattern.relative_to(anchor)))):
            _read(path, blocks, enclosing, depth=depth)


def _opened(option: SshOption, enclosing: tuple[_Condition, ...]) -> _Block:
    if not option.words:
        raise InventoryError(option.source, f"{option.written} stands without a value")
    if option.name == "match":
        return _Block(conditions=(*enclosing, *_match(option)), options=[], plain=None)
    alone = not enclosing and not any(_WILD & set(word) for word in option.words)
    return _Block(
        conditions=(*enclosing, _host(option.words)),
        options=[],
        plain=option.words if alone else None,
    )


def _host(patterns: Sequence[str]) -> _Condition:
    listed = _PatternList(patterns)
    return lambda asked: listed.matches(asked.alias)


def _match(option: SshOption) -> Iterator[_Condition]:
    words = iter(option.words)
    for word in words:
        criterion, negated = word.lower().removeprefix("!"), word.startswith("!")
        if criterion == "all":
            yield _never if negated else _always
            continue
        if criterion not in _MATCHED_BY_VALUE:
            raise InventoryError(
                option.source,
                f"Match {quote(word)} is refused: all, host, originalhost, user and localuser "
                "are read",
            )
        value = next(words, None)
        if value is None:
            raise InventoryError(option.source, f"Match {criterion} stands without its pattern")
        yield _criterion(criterion, value, negated=negated)


def _always(_asked: _Asked) -> bool:
    return True


def _never(_asked: _Asked) -> bool:
    return False


def _criterion(criterion: str, value: str, *, negated: bool) -> _Condition:
    lowered = criterion in {"host", "originalhost"}
    listed = _PatternList((value.lower() if lowered else value).split(","))

    def holds(asked: _Asked) -> bool:
        seen = {
            "host": asked.hostname.lower(),
            "originalhost": asked.alias.lower(),
            "user": asked.user,
            "localuser": asked.local_user,
        }[criterion]
        return listed.matches(seen) is not negated

    return holds


class _PatternList:
    """Patterns with * and ?; one that begins with ! and matches settles that nothing does."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._wanted = [_compiled(p) for p in patterns if not p.startswith("!")]
        self._unwanted = [_compiled(p[1:]) for p in patterns if p.startswith("!")]

    def matches(self, text: str) -> bool:
        if any(pattern.fullmatch(text) for pattern in self._unwanted):
            return False
        return any(pattern.fullmatch(text) for pattern in self._wanted)


def _compiled(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(char) or re.escape(char) for char in pattern), re.DOTALL)


def _first(options: Sequence[SshOption], name: str) -> str | None:
    return next((o.words[0] for o in options if o.name == name and o.words), None)

"""Decide which hosts a ``Host`` or ``Match`` line of an ssh_config selects.

The criteria are those of OpenSSH 9.2. Those that only a later ssh knows fail the hosts on whose
options they decide, and no other: a block for laptops does not keep a fleet from being read. So
does ``exec`` in a file that an inventory or an option names; in the files that ssh reads by itself
its command is run, as ssh runs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption
from .match_commands import MatchCommands

__all__ = ["PatternList", "Scope", "Target", "match_alias", "parse_match"]

_LOWERED = frozenset({"host", "originalhost"})  # match_hostname() in OpenSSH's match.c
_COMPARED = _LOWERED | {"user", "localuser"}
_NOT_READ = frozenset({"exec", "localnetwork", "tagged", "version", "sessiontype", "command"})
# As strdelim() in OpenSSH's misc.c: blanks or one "=" end a word, and a quoted part does.
_WORD = lazy_pattern(r'([^\s"=]*)(?:"([^"]*)"\s*|\s*(?:=\s*)?)')


@record
class Target:
    """A login's host and user, with the values set so far, which later Match lines compare."""

    alias: str
    hostname: str
    user: str
    local_user: str
    port: int
    is_final: bool
    """Whether the file is read again after the host name is settled."""

    @property
    def named(self) -> str:
        """The name that ``Host`` lines are compared with: in the final pass the host name."""
        return self.hostname if self.is_final else self.alias


_Condition = Callable[[Target], bool]


@record
class Scope:
    """The conditions of a block and of the blocks around it; none includes every host."""

    conditions: tuple[_Condition, ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    """(source, criterion) of those that are not read."""
    wants_final_pass: bool = False

    def __and__(self, inner: Scope) -> Scope:
        """The hosts that both include."""
        return Scope(
            conditions=self.conditions + inner.conditions,
            refusals=self.refusals + inner.refusals,
            wants_final_pass=self.wants_final_pass or inner.wants_final_pass,
        )

    def includes(self, target: Target) -> bool:
        """Whether the block applies; raises InventoryError where a refused criterion decides."""
        if not all(condition(target) for condition in self.conditions):
            return False
        for source, criterion in self.refusals:
            raise InventoryError(
                source,
                f"Match {criterion} is refused: it is not read here, and whether this host has "
                "the options of the block depends on it",
            )
        return True


def match_alias(listed: PatternList) -> Scope:
    """Return the scope of a ``Host`` line."""
    return Scope(conditions=(lambda target: listed.matches(target.named),))


def parse_match(option: SshOption, commands: MatchCommands | None = None) -> Scope:
    """Parse the criteria of a ``Match`` line; raise InventoryError for one that ssh refuses.

    ``commands`` runs the command of ``exec``; None: that criterion is not read.
    """
    conditions: list[_Condition] = []
    refusals: list[tuple[str, str]] = []
    wants_final_pass = False
    words = _split_criteria(option.text)
    for count, word in enumerate(words):
        criterion, negated = word.lower().removeprefix("!"), word.startswith("!")
        if criterion == "all":
            if count > 1 or next(words, None) is not None:
                raise InventoryError(option.source, "Match all stands alone")
            conditions.append(_is_never_met if negated else _is_always_met)
        elif criterion in {"final", "canonical"}:
            wants_final_pass = wants_final_pass or criterion == "final"
            conditions.append(_is_first_pass if negated else _is_final_pass)
        elif criterion not in _COMPARED | _NOT_READ:
            raise InventoryError(option.source, f"Match {quote(word)}: no such criterion is known")
        else:
            value = next(words, None)
            if value is None:
                raise InventoryError(option.source, f"Match {criterion} has no pattern")
            if criterion == "exec" and commands is not None:
                conditions.append(_run(commands, value, option.source, negated=negated))
            elif criterion in _NOT_READ:
                refusals.append((option.source, criterion))
            else:
                conditions.append(_compare(criterion, value, negated=negated))
    return Scope(
        conditions=tuple(conditions), refusals=tuple(refusals), wants_final_pass=wants_final_pass
    )


def _split_criteria(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _WORD().match(text, position)
        if found is None or found.end() == position:
            return
        word = found[1] + (found[2] or "")
        if not word or word.startswith("#"):
            return
        yield word
        position = found.end()


def _is_always_met(_target: Target) -> bool:
    return True


def _is_never_met(_target: Target) -> bool:
    return False


def _is_final_pass(target: Target) -> bool:
    return target.is_final


def _is_first_pass(target: Target) -> bool:
    return not target.is_final


def _compare(criterion: str, value: str, *, negated: bool) -> _Condition:
    is_lowered = criterion in _LOWERED
    listed = PatternList((value.lower() if is_lowered else value).split(","))

    def is_met(target: Target) -> bool:
        actual = {
            "host": target.hostname.lower(),
            "originalhost": target.alias.lower(),
            "user": target.user,
            "localuser": target.local_user,
        }[criterion]
        return listed.matches(actual) is not negated

    return is_met


def _run(commands: MatchCommands, command: str, source: str, *, negated: bool) -> _Condition:
    def is_met(target: Target) -> bool:
        succeeds = commands.succeeds(
            command,
            source,
            alias=target.alias,
            address=target.hostname,
            port=target.port,
            user=target.user,
        )
        return succeeds is not negated

    return is_met


class PatternList:
    """Patterns with * and ?; a match of a pattern that begins with ! excludes all others."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._wanted = _compile_any(p for p in patterns if not p.startswith("!"))
        self._unwanted = _compile_any(p[1:] for p in patterns if p.startswith("!"))

    def matches(self, text: str) -> bool:
        """Whether they select the name or user."""
        return self._wanted.fullmatch(text) is not None and not self._unwanted.fullmatch(text)


def _compile_any(patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile one expression for several patterns: an ssh_config is matched once for each host."""
    wild = {"*": ".*", "?": "."}
    parts = ["".join(wild.get(char) or re.escape(char) for char in each) for each in patterns]
    return re.compile("|".join(parts) if parts else "(?!)", re.DOTALL)

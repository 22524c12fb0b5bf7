"""The texts of rules: ``{host}: {growth.tcp_close:+,} closed sockets an hour``.

The names are a closed list, and nothing is evaluated: a text of a rule is no program.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from string import Formatter

from ...aggregator.numbers import TCP_NUMBERS
from ...core.suggestion import suggest
from ...core.text import clean
from .model import Condition, Each

__all__ = ["WORDS", "Value", "fill", "find_faults", "names_for"]

Value = str | int | float | None

WORDS = (
    *("subject", "host", "group", "groups", "rule", "severity", "since", "inventory"),
    *("top_holder", "container", "limit"),
)
"""Texts that every rule has. ``top_holder`` is the process with most closed sockets, with their
number; ``limit`` what it may open yet."""
_SPEC = re.compile(r"\+?,?(?:\.[0-6])?[dfg]?")
_EMPTY = {"top_holder": "holder not known", "container": "no container", "limit": "no limit known"}
_MOST = 500


def names_for(each: Each, when: Collection[Condition]) -> tuple[str, ...]:
    """The names that a rule's text may have: words, its own KEYs, the counters of the subject."""
    words = [word for word in WORDS if word != "host" or each not in (Each.GROUP, Each.FLEET)]
    counters = () if each in (Each.NAMESPACE, Each.HOLDER) else TCP_NUMBERS
    return tuple(dict.fromkeys((*words, *(one.measure for one in when), *counters)))


def find_faults(text: str, names: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with a text."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        yield f"{error}; a brace is written twice: {{{{ and }}}}"
        return
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in names:
            yield f"no placeholder {{{clean(name)}}}{suggest(name, names)}"
        elif conversion is not None:
            yield f"{{{name}!{conversion}}}: a placeholder has no conversion"
        elif spec and (name in WORDS or not _SPEC.fullmatch(spec)):
            yield f"{{{name}:{clean(spec)}}}: a number takes :+ :, :.1f and the like, a word none"


def fill(text: str, values: Mapping[str, Value]) -> str:
    """The text with its values, in one line. A value that is not known says so."""
    found = []
    for literal, name, spec, _ in Formatter().parse(text):
        found.append(literal)
        if name is not None:
            found.append(_show(name, values.get(name), spec or ""))
    return clean("".join(found), limit=_MOST)


def _show(name: str, value: Value, spec: str) -> str:
    if value is None:
        return _EMPTY.get(name, "unknown")
    if isinstance(value, str):
        return clean(value)
    if "." not in spec and isinstance(value, float):
        # A rate of 1234.567 an hour is one of 1235.
        value = round(value) if abs(value) >= 10 or value % 1 == 0 else round(value, 1)
    if spec.endswith("d"):
        value = round(value)
    return format(value, spec)

"""Read one rule of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from ...core.errors import UsageError
from ...core.suggestion import suggest
from ...core.text import quote
from ...history.host_selection import check_pattern
from ...history.moments import parse_duration
from ..levels.levels import parse_level
from ..levels.range import Range
from ..notification import RESERVED_LABELS
from .document import Entry, Faults
from .keys import KEYS_OF, describe_unknown_key, is_change
from .model import Condition, Each, Rule, Span
from .placeholders import find_faults, names_for
from .read_example import read_examples

__all__ = ["read_rule"]

_KEYS = (
    *("name", "each", "where", "when", "hold", "clear-after", "unknown-after", "summary"),
    *("labels", "runbook", "notify", "repeat", "inhibits", "example", "examples"),
)
_CONDITION = ("measure", "over", "warning", "critical", "clear", "exact")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_SCANS = re.compile(r"([0-9]{1,4})(?:\s*scans?)?")
_MOST_OVER = timedelta(days=90)
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_rule(entry: Entry, faults: Faults) -> Rule | None:
    """Read a rule; None where it has a fault that leaves nothing to check further."""
    keys = faults.mapping(entry, _KEYS)
    before = len(faults)
    name = _name(entry, keys.get("name"), faults)
    each = _each(keys.get("each"), faults)
    when = _conditions(entry, keys.get("when"), each, faults)
    summary = _summary(keys.get("summary"), each, when, faults)
    hold = _span(keys.get("hold"), Span(), faults)
    clear_after = _span(keys.get("clear-after"), Span(scans=2), faults)
    unknown_after = _span(keys.get("unknown-after"), Span(scans=3), faults)
    if unknown_after.time is not None:
        faults.add(keys["unknown-after"], "expected a number of scans, such as 3")
    rule = Rule(
        name=name or "?",
        each=each,
        where=_pattern(keys.get("where"), faults),
        when=when,
        hold=hold,
        clear_after=clear_after,
        unknown_after=unknown_after.scans,
        summary=summary,
        labels=_labels(keys.get("labels"), faults),
        runbook=_optional_text(keys.get("runbook"), faults),
        notify=None if "notify" not in keys else faults.texts(keys["notify"], "a sink's name"),
        repeat=_duration(keys.get("repeat"), faults),
        inhibits=() if "inhibits" not in keys else faults.texts(keys["inhibits"], "a rule's name"),
        line=entry.line,
    )
    if name is None:
        return None
    if len(faults) > before:
        return rule
    return read_examples(rule, keys.get("example"), keys.get("examples"), faults)


def _name(rule: Entry, entry: Entry | None, faults: Faults) -> str | None:
    if entry is None:
        faults.add(rule, "no name: the key is missing")
        return None
    name = faults.text(entry, "a name")
    if name is not None and not _NAME.fullmatch(name):
        faults.add(entry, f"{quote(name)}: a name has letters, digits, _ . and - only")
        return None
    if name == "cannot-judge":
        faults.add(entry, "cannot-judge is the name of what cannot be judged; take another")
    return name


def _each(entry: Entry | None, faults: Faults) -> Each:
    if entry is None:
        return Each.HOST
    text = faults.text(entry, "host, group, fleet, namespace or holder")
    try:
        return Each(text or Each.HOST)
    except ValueError:
        faults.add(entry, f"no subject {quote(text)}{suggest(text or '', list(Each))}")
        return Each.HOST


def _conditions(
    rule: Entry, entry: Entry | None, each: Each, faults: Faults
) -> tuple[Condition, ...]:
    if entry is None:
        faults.add(rule, "no when: the key is missing")
        return ()
    found = [_condition(one, each, faults) for one in faults.items(entry)]
    if not found:
        faults.add(entry, "expected at least one measure with its range")
    return tuple(one for one in found if one is not None)


def _condition(entry: Entry, each: Each, faults: Faults) -> Condition | None:
    keys = faults.mapping(entry, _CONDITION)
    if "measure" not in keys:
        if keys:
            faults.add(entry, "no measure: the key is missing")
        return None
    measure = faults.text(keys["measure"], "a KEY such as growth.tcp_close")
    if measure is None:
        return None
    if measure not in KEYS_OF[each]:
        faults.add(keys["measure"], describe_unknown_key(measure, each))
        return None
    ranges = {
        name: _range(measure, keys[name], faults)
        for name in ("warning", "critical", "clear")
        if name in keys
    }
    if "warning" not in ranges and "critical" not in ranges:
        faults.add(entry, f"{measure} has no range: give warning or critical")
    over = _over(measure, keys.get("over"), faults)
    exact = _is_exact(measure) if "exact" not in keys else _flag(keys["exact"], faults)
    return Condition(measure=measure, over=over, exact=exact, **ranges)


def _is_exact(measure: str) -> bool:
    """Growth of a bound is growth of live sockets elsewhere too: only exact numbers count."""
    return measure.endswith("tcp_close") and is_change(measure)


def _over(measure: str, entry: Entry | None, faults: Faults) -> timedelta | None:
    over = _duration(entry, faults)
    if over is None or entry is None:
        return None
    if not is_change(measure) and not measure.startswith("past."):
        faults.add(entry, f"{measure} is of one scan: over is for changes, growth and past")
    elif not timedelta() < over <= _MOST_OVER:
        faults.add(entry, "expected more than 0 and at most 90d")
    return over


def _range(measure: str, entry: Entry, faults: Faults) -> Range | None:
    text = faults.text(entry, "a range such as ~:100")
    if text is None:
        return None
    try:
        return parse_level(measure, text)
    except UsageError as error:
        faults.add(entry, str(error))
        return None


def _flag(entry: Entry, faults: Faults) -> bool:
    text = (entry.text or "").lower()
    if text not in _WORDS:
        faults.add(entry, f"expected true or false, found {quote(entry.text)}")
    return _WORDS.get(text, False)


def _span(entry: Entry | None, usual: Span, faults: Faults) -> Span:
    if entry is None:
        return usual
    text = faults.text(entry, "3 scans, or a time such as 15m")
    if text is None:
        return usual
    scans = _SCANS.fullmatch(text.strip())
    if scans is not None:
        if int(scans[1]) < 1:
            faults.add(entry, "expected 1 scan at least")
        return Span(scans=max(1, int(scans[1])))
    try:
        return Span(time=parse_duration(text))
    except UsageError:
        faults.add(entry, f"{quote(text)}: expected 3 scans, or a time such as 15m or 6h")
        return usual


def _duration(entry: Entry | None, faults: Faults) -> timedelta | None:
    if entry is None:
        return None
    text = faults.text(entry, "a time such as 6h")
    if text is None:
        return None
    try:
        return parse_duration(text)
    except UsageError as error:
        faults.add(entry, str(error))
        return None


def _summary(entry: Entry | None, each: Each, when: tuple[Condition, ...], faults: Faults) -> str:
    if entry is None:
        if not when:
            return "{subject}"
        return "{subject}: " + ", ".join(f"{one.measure} {{{one.measure}:,}}" for one in when)
    text = faults.text(entry)
    for problem in find_faults(text or "", names_for(each, when)):
        faults.add(entry, problem)
    return text or ""


def _labels(entry: Entry | None, faults: Faults) -> Mapping[str, str]:
    if entry is None:
        return {}
    found = {}
    for name, value in faults.mapping(entry).items():
        if not _LABEL.fullmatch(name):
            faults.add(value, f"{quote(name)}: a label has letters, digits and _ only")
        elif name in RESERVED_LABELS:
            faults.add(value, f"sockfleet sets the label {name} itself; take another name")
        elif name.startswith("__"):
            faults.add(value, f"{quote(name)}: labels that begin with __ are Prometheus' own")
        text = faults.text(value, "a text: a label without one is no label")
        if text is not None and "{" in text:
            faults.add(value, "a label has no placeholder: with each value it would be a new alert")
        found[name] = text or ""
    return found


def _pattern(entry: Entry | None, faults: Faults) -> str | None:
    """A pattern as --limit takes it. Which hosts it selects is known when there is a scan."""
    text = _optional_text(entry, faults)
    if entry is None or text is None:
        return None
    try:
        check_pattern(text)
    except UsageError as error:
        faults.add(entry, str(error))
    return text


def _optional_text(entry: Entry | None, faults: Faults) -> str | None:
    return None if entry is None else faults.text(entry)

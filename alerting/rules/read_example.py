"""Read the examples of a rule: numbers scan by scan, and when it must fire."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from ...aggregator.numbers import TCP_NUMBERS
from ...core.errors import UsageError
from ...core.suggestion import suggest
from ...core.text import quote
from ...history.moments import parse_duration
from .document import Entry, Faults
from .model import Example, Rule

__all__ = ["read_examples"]

_SETTINGS = ("fires-at", "resolves-at", "every")
_MOST_SCANS = 1000


def read_examples(
    rule: Rule, example: Entry | None, examples: Entry | None, faults: Faults
) -> Rule:
    """Return the rule with its examples: ``example`` is one, ``examples`` a list."""
    entries = [] if example is None else [example]
    if examples is not None:
        entries += faults.items(examples)
    found = [_read_example(entry, rule, faults) for entry in entries]
    return replace(rule, examples=tuple(one for one in found if one is not None))


def _read_example(entry: Entry, rule: Rule, faults: Faults) -> Example | None:
    own = [one.measure for one in rule.when]
    known = tuple(dict.fromkeys((*_SETTINGS, *own, *TCP_NUMBERS)))
    keys = faults.mapping(entry, known)
    if not keys:
        return None
    numbers = {
        name: _read_numbers(value, faults) for name, value in keys.items() if name not in _SETTINGS
    }
    lengths = {len(values) for values in numbers.values()}
    if not numbers:
        faults.add(entry, "no numbers: give those of a host, such as tcp_close: [100, 900]")
    elif len(lengths) > 1:
        faults.add(entry, "each number has a value for each scan: the lists differ in length")
    if "fires-at" not in keys:
        faults.add(entry, "no fires-at: the number of the scan at which it fires, or never")
    most = max(lengths, default=0)
    every = _read_every(keys.get("every"), rule, faults)
    return Example(
        numbers=numbers,
        every=every,
        fires_at=_read_scan(keys.get("fires-at"), most, faults),
        resolves_at=_read_scan(keys.get("resolves-at"), most, faults),
        line=entry.line,
    )


def _read_numbers(entry: Entry, faults: Faults) -> tuple[float | None, ...]:
    values: list[float | None] = []
    for item in faults.items(entry):
        text = item.text
        if text is None or text.lower() == "unread":
            values.append(None)
            continue
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            faults.add(
                item, f"expected a number, or null for a host that was not read: {quote(text)}"
            )
            continue
        values.append(number)
    if len(values) > _MOST_SCANS:
        faults.add(entry, f"{_MOST_SCANS} scans at most")
    return tuple(values)


def _read_scan(entry: Entry | None, most: int, faults: Faults) -> int | None:
    text = None if entry is None else faults.text(entry, "a number of a scan, or never")
    if entry is None or text is None or text == "never":
        return None
    if not text.isdecimal() or not 1 <= int(text[:9]) <= most:
        near = suggest(text, ["never"]) if not text.isdecimal() else ""
        faults.add(
            entry, f"expected a number from 1 to {most}, or never, found {quote(text)}{near}"
        )
        return None
    return int(text)


def _read_every(entry: Entry | None, rule: Rule, faults: Faults) -> timedelta:
    """From scan to scan: the longest ``over``, so each is compared with the one before."""
    usual = max((one.over for one in rule.when if one.over is not None), default=timedelta(hours=1))
    text = None if entry is None else faults.text(entry, "a time such as 5m")
    if entry is None or text is None:
        return usual
    try:
        every = parse_duration(text)
    except UsageError as error:
        faults.add(entry, str(error))
        return usual
    if not every:
        faults.add(entry, "expected more than 0")
    return every or usual

"""The levels of ``sockfleet check``: from ``KEY=RANGE`` to a state for each number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...aggregator.fleet import FleetSummary
from ...aggregator.measures import KEYS, STORED_KEYS, StoredNumbers, describe_unknown_key, measure
from ...core.errors import UsageError
from .range import Range, parse_range
from .state import Level

__all__ = ["Levels", "parse_level"]

_CHANGES = frozenset(
    {"change", "change_percent", "growth", "new", "gone", "lost", "recovered", "rebooted"}
)
_FAILED_KEYS = ("failed", "failed_percent")
# Of the kernel's own limits, where Netdata warns too (see aggregator/thresholds.py), and any
# diagnosis but an OK one: a fleet that holds thousands of closed sockets is not OK.
_USUAL_WARNING = {
    "worst.diagnosis": "0",
    "worst.orphan_percent": "25",
    "worst.mem_pressure_percent": "100",
}
_USUAL_CRITICAL = {"worst.orphan_percent": "50", "worst.mem_percent": "90"}


class Levels:
    """The levels of ``--warning`` and ``--critical``, or the usual ones.

    The usual levels are those of the diagnoses and the kernel's own limits. A failed host is a
    WARNING unless a level for failed hosts is given. Raises UsageError for an unknown KEY, a wrong
    RANGE, and a KEY that is given twice.
    """

    def __init__(self, warning: Iterable[str], critical: Iterable[str]) -> None:
        self._warning = dict(_parse("--warning", warning))
        self._critical = dict(_parse("--critical", critical))
        self._usual = frozenset[str]()
        if not (self._warning or self._critical):
            self._warning = {key: parse_range(text) for key, text in _USUAL_WARNING.items()}
            self._critical = {key: parse_range(text) for key, text in _USUAL_CRITICAL.items()}
            self._usual = frozenset(self._warning | self._critical)
        if not (self._warning | self._critical).keys() & set(_FAILED_KEYS):
            self._warning["failed"] = parse_range("0")

    @property
    def are_usual(self) -> bool:
        """Whether the user gave none."""
        return bool(self._usual)

    @property
    def needs_comparison(self) -> bool:
        """Whether a level is set on a change since an earlier scan."""
        return any(_is_change(key) for key in self._warning | self._critical)

    @property
    def stored_keys(self) -> list[str]:
        """The numbers that only the scans of a store give."""
        return [key for key in STORED_KEYS if key in self._warning or key in self._critical]

    def evaluate(self, summary: FleetSummary, stored: StoredNumbers | None = None) -> list[Level]:
        """Return each level with the scan's number, in the order in which they were given.

        ``stored`` has the numbers of `stored_keys`; raises UsageError where one is missing.
        A number that no host gave makes a level of the user UNKNOWN. A usual level is left out
        then, as some hosts do not give their limits.
        """
        levels = self._all(summary, stored)
        return [level for level in levels if not self._is_left_out(level)]

    def _all(self, summary: FleetSummary, stored: StoredNumbers | None) -> Iterator[Level]:
        for key in dict.fromkeys((*self._critical, *self._warning)):
            yield Level(
                measure=measure(key, summary, stored),
                warning=self._warning.get(key),
                critical=self._critical.get(key),
            )

    def _is_left_out(self, level: Level) -> bool:
        return level.measure.key in self._usual and level.measure.value is None


def _is_change(key: str) -> bool:
    return not _CHANGES.isdisjoint(key.split("."))


def _parse(option: str, texts: Iterable[str]) -> Iterator[tuple[str, Range]]:
    seen = set[str]()
    for text in texts:
        key, equals, ranges = text.partition("=")
        key = key.strip()
        if not equals:
            raise UsageError(f"{option} {text!r}: expected KEY=RANGE, such as worst.tcp_close=1000")
        if key not in KEYS:
            raise UsageError(f"{option} {text!r}: {describe_unknown_key(key)}")
        if key in seen:
            raise UsageError(f"{option} {text!r}: {key} stands there a second time")
        seen.add(key)
        try:
            yield key, parse_level(key, ranges)
        except UsageError as error:
            raise UsageError(f"{option} {text!r}: {error}") from error


def parse_level(key: str, text: str) -> Range:
    """Parse the range of a KEY, which may have % behind its numbers where the KEY is a percentage.

    Raises UsageError, with a hint where a percentage of another KEY may be meant.
    """
    try:
        return parse_range(_without_unit(key, text.strip()))
    except UsageError as error:
        raise UsageError(f"{error}{_hint(key, text)}") from error


def _without_unit(key: str, ranges: str) -> str:
    return ranges.replace("%", "") if "_percent" in key else ranges


def _hint(key: str, ranges: str) -> str:
    if "%" not in ranges:
        return ""
    percent = next((k for k in (f"{key}_percent", f"worst.{key}_percent") if k in KEYS), None)
    return f"; percentages are {percent}" if percent else "; this one is no percentage"

"""A rule: which subjects it judges, by which numbers, and what it says about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from enum import StrEnum

import orjson

from ...core.record import record
from ..levels.range import Range

__all__ = ["Condition", "Each", "Example", "Rule", "RulesFile", "Span"]


class Each(StrEnum):
    """What a rule judges one by one."""

    HOST = "host"
    GROUP = "group"
    FLEET = "fleet"
    NAMESPACE = "namespace"
    HOLDER = "holder"


@record
class Span:
    """How long something must hold: so many scans, or so much of their own time."""

    scans: int = 1
    time: timedelta | None = None
    """None: ``scans`` counts."""

    def is_over(self, scans: int, span_ms: int, *, times: int = 1) -> bool:
        """Whether so many scans, over so many milliseconds, are enough, or ``times`` as many."""
        if self.time is None:
            return scans >= self.scans * times
        return span_ms >= self.time.total_seconds() * 1000 * times

    def __str__(self) -> str:
        if self.time is not None:
            from ...history.moments import format_duration

            return format_duration(self.time)
        return f"{self.scans} scan" + "s" * (self.scans != 1)


@record
class Condition:
    """One number with its ranges."""

    measure: str
    """A KEY of `aggregator.measures`, or one of a subject's own (`rules.keys`)."""
    over: timedelta | None = None
    """For changes: the age of the scan that the number is compared with; None: the one before."""
    warning: Range | None = None
    critical: Range | None = None
    clear: Range | None = None
    """Inside it the condition is over; None: as soon as no range alerts."""
    exact: bool = False
    """Whether an upper bound of ``tcp_close`` cannot be judged."""


@record
class Example:
    """Numbers of one host scan by scan, and what the rule does with them."""

    numbers: Mapping[str, tuple[float | None, ...]]
    """By KEY of the rule, or by number of a host; None: the host was not read."""
    every: timedelta
    """From scan to scan."""
    fires_at: int | None
    """The number of the scan at which it fires, from 1 on; None: it never does."""
    resolves_at: int | None = None
    line: int


@record
class Rule:
    """One rule of a file."""

    name: str
    each: Each
    where: str | None = None
    """A pattern as --limit takes it; None: every host."""
    when: tuple[Condition, ...]
    """All must hold."""
    hold: Span = Span()
    clear_after: Span = Span(scans=2)
    unknown_after: int = 3
    """After so many scans that cannot be judged, that is notified."""
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None
    notify: tuple[str, ...] | None = None
    """Names of sinks; None: all of the file."""
    repeat: timedelta | None = None
    """After this time a direct sink is notified again; None: never."""
    inhibits: tuple[str, ...] = ()
    """Rules that send nothing of a subject, or of what is within it, while this one fires there."""
    examples: tuple[Example, ...] = ()
    line: int = 0

    @property
    def key(self) -> str:
        """The name with a hash of what it judges: a rule that is changed begins anew."""
        what = [str(self.each), self.where]
        for one in self.when:
            over = None if one.over is None else one.over.total_seconds()
            ranges = [str(one.warning), str(one.critical), str(one.clear)]
            what += [one.measure, str(over), *ranges, str(one.exact)]
        digest = hashlib.blake2b(orjson.dumps(what), digest_size=4).hexdigest()
        return f"{self.name}#{digest}"

    @property
    def needs_processes(self) -> bool:
        """Whether its numbers come from the processes that a scan lists."""
        return self.each is Each.HOLDER or any("nofile" in one.measure for one in self.when)


@record
class RulesFile:
    """A whole file without a fault."""

    path: str
    rules: tuple[Rule, ...]
    sinks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """The settings of each sink as the file has them; `sinks.registry` makes the sinks."""

    def rule(self, key: str) -> Rule | None:
        """The rule of a `Rule.key`; None where the file has it no more, or has changed it."""
        return next((rule for rule in self.rules if rule.key == key), None)

"""What is kept of one alert: its course, what it shows, and which sinks were notified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta

from ...collector.probe.processes import Process
from ...core.record import record
from ..notification import Holder, Severity, Subject
from .machine import Course

__all__ = ["AlertState", "Evidence", "Notified", "ProbeResult", "StateKey", "moment"]

StateKey = tuple[str, str]
"""`Rule.key` and `judge.subject_key`."""


@record
class Evidence:
    """What a probe of the host alone found when the rule began to hold."""

    holders: tuple[Holder, ...] = ()
    """Those with most closed sockets first."""
    text: str
    """What was found, or why nothing was, in a sentence."""
    at_ms: int
    """Unix milliseconds."""


@record
class ProbeResult:
    """What a probe of a host gave: its evidence, and all processes that it showed."""

    evidence: Evidence
    processes: tuple[Process, ...] = ()


@record
class Notified:
    """What one sink received of an alert last."""

    episode: int
    severity: Severity
    at_ms: int
    """Unix milliseconds, by this machine's clock."""
    repeats: int = 0
    as_flapping: bool = False
    """Whether it received it as flapping: further episodes of the same flapping are not sent."""


@record
class AlertState:
    """One alert of a rule and a subject."""

    subject: Subject
    rule_name: str
    rule_key: str
    """`Rule.key`: the file may no longer have the rule."""
    course: Course = Course()
    notified: Mapping[str, Notified] = field(default_factory=dict)
    """By the name of the sink."""
    values: Mapping[str, float | None] = field(default_factory=dict)
    """Of the last scan that could judge it."""
    groups: Sequence[str] = ()
    reason: str | None = None
    """Why the last scan could not judge it."""
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    next_command: str | None = None
    evidence: Evidence | None = None
    """Of this episode."""


def moment(unix_ms: int) -> datetime:
    """The moment of Unix milliseconds."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=unix_ms)

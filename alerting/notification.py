"""What a sink is told: alerts, each with its evidence, in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from ..core.record import record

__all__ = ["RESERVED_LABELS", "Alert", "Event", "Holder", "Message", "Severity", "Subject"]

RESERVED_LABELS = (
    *("alertname", "severity", "rule", "subject"),
    *("host", "group", "fleet", "namespace", "holder"),
)
"""Labels that a receiver sets of an alert's rule and subject; no rule may have them."""


class Event(StrEnum):
    """What happened to an alert."""

    FIRING = "firing"
    WORSE = "worse"
    """It fires already, and its severity rose."""
    REPEATED = "repeated"
    """It still fires: told again to a direct sink after ``repeat``, to Alertmanager each time."""
    RESOLVED = "resolved"
    FLAPPING = "flapping"
    """It fired several times within a day, and is told once as that."""
    CANNOT_JUDGE = "cannot-judge"
    """Its subject was not read often enough to say anything."""
    MISSED = "missed"
    """It fired and resolved while the sink could not be reached: one row for both."""

    @property
    def is_over(self) -> bool:
        """Whether the alert does not fire any more."""
        return self in (Event.RESOLVED, Event.MISSED)


class Severity(StrEnum):
    """How bad a firing alert is."""

    WARNING = "warning"
    CRITICAL = "critical"


@record
class Subject:
    """What a rule judges."""

    kind: str
    """``host``, ``group``, ``fleet``, ``namespace`` or ``holder``."""
    name: str
    """The host's or group's name; ``all`` for the fleet; ``HOST/CONTAINER`` for a namespace and
    ``HOST/COMMAND`` for a holder."""
    host: str | None = None
    """The host that it is or is on; None for a group and the fleet."""


@record
class Holder:
    """A process that holds closed sockets."""

    command: str
    pid: int
    user: str | None
    tcp_close: int
    container: str | None = None
    open_files: int | None = None
    open_files_limit: int | None = None


@record
class Alert:
    """One alert of one subject, at one event."""

    id: str
    """The same for ever for this event at this sink: ``rule|subject|episode|event|sink``."""
    key: str
    """The same for all events of an episode: ``rule|subject|episode``."""
    rule: str
    subject: Subject
    event: Event
    severity: Severity
    summary: str
    """One line, with the values filled in."""
    began_at: datetime
    """When the condition was first seen to hold; of this episode."""
    at: datetime
    """When the scan that brought this event was started."""
    ended_at: datetime | None = None
    """When it resolved; None while it fires."""
    expires_at: datetime | None = None
    """Until when a receiver may hold it as firing without news; None once it resolved."""
    reason: str | None = None
    """Why it resolved, or why it cannot be judged, where the numbers do not say it."""
    fired_at: datetime | None = None
    """When the scan was started in which it began to fire, the same for all events of the episode.
    Alerts of a rule with the same `fired_at` are one incident at PagerDuty and one thread of mails;
    None: `began_at` stands for it."""
    others_firing: int = 0
    """How many other alerts of the rule with the same `fired_at` still fire once this event is
    counted. The last one that resolves closes the incident."""
    labels: Mapping[str, str]
    """The rule's labels. Values are never in them."""
    values: Mapping[str, float | None]
    """The measures of the rule by KEY; None where the host gave none."""
    holders: Sequence[Holder] = ()
    """Who holds the sockets, those with most first; empty where nothing is known."""
    evidence: str | None = None
    """Why nothing is known of the holders, or what the probe of the host found, in a sentence."""
    groups: Sequence[str] = ()
    runbook: str | None = None
    next_command: str | None = None
    """The command to type next."""


@record
class Message:
    """What one delivery to one sink carries: one alert, or a storm of them."""

    id: str
    """The alert's id, or one made of those of all alerts; the same at each try."""
    alerts: Sequence[Alert]
    """At least one, the most severe first; all of them: the sink cuts to its receiver's limit."""
    source: str
    """The inventory and the time of the scan, in words."""

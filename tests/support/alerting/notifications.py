"""Made-up alerts and messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sockfleet.alerting.notification import Alert, Event, Holder, Message, Severity, Subject
from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Sink
from tests.support.hostile_text import HOSTILE

__all__ = [
    "BEGAN",
    "HOSTILE_TEXTS",
    "make_alert",
    "make_hostile_alert",
    "make_message",
    "make_sink",
    "make_storm",
]

BEGAN = datetime(2026, 11, 29, 14, 3, tzinfo=UTC)
HOSTILE_TEXTS = {name: data.decode("utf-8", "surrogateescape") for name, data in HOSTILE.items()}
"""By name; what is not UTF-8 is in lone surrogates, as Python has a host's name of such bytes."""


def make_alert(host: str = "checkout", event: Event = Event.FIRING, **fields) -> Alert:
    """A host that leaks, at one of its events."""
    rule = fields.get("rule", "closed-sockets-grow")
    key = f"{rule}|host:{host}|1"
    is_over = event in (Event.RESOLVED, Event.MISSED)
    began = fields.get("began_at", BEGAN)
    at = began + timedelta(minutes=15)
    usual = {
        "id": f"{key}|{event.value}|sink",
        "key": key,
        "rule": rule,
        "subject": Subject(kind="host", name=host, host=host),
        "event": event,
        "severity": Severity.WARNING,
        "summary": f"{host}: +1,200 closed sockets an hour, php",
        "began_at": began,
        "at": at,
        "ended_at": at if is_over else None,
        "expires_at": None if is_over else at + timedelta(minutes=20),
        "labels": {"team": "shop"},
        "values": {"growth.tcp_close": 1200.0, "tcp_close": 9000, "hours_to.nofile": None},
        "holders": (
            Holder(
                command="php",
                pid=123,
                user="www-data",
                tcp_close=8990,
                container="docker 3f4a",
                open_files=9100,
                open_files_limit=16384,
            ),
        ),
        "groups": ("web", "production"),
        "runbook": "https://example.org/runbook#closed",
        "next_command": f"sockfleet explain --host {host} --inventory inventory.yml",
    }
    return Alert(**usual | fields)


def make_message(*alerts: Alert, **fields) -> Message:
    """A message of these alerts, or of one that fires."""
    alerts = alerts or (make_alert(),)
    identity = alerts[0].id if len(alerts) == 1 else "+".join(each.id for each in alerts)
    usual = {"id": identity, "alerts": alerts, "source": "inventory.yml at 2026-11-29 14:18"}
    return Message(**usual | fields)


def make_storm(hosts: int = 1000, event: Event = Event.FIRING) -> Message:
    """Hosts that could not be read, all since the same scan."""
    alerts = [
        make_alert(
            f"web{number}.example.org",
            event,
            rule="host-unread",
            summary=f"web{number}.example.org was not read in 3 scans: tcp_timeout",
            others_firing=hosts - 1 if event is Event.FIRING else 0,
            holders=(),
            severity=Severity.CRITICAL if number <= 3 else Severity.WARNING,
        )
        for number in range(1, hosts + 1)
    ]
    return make_message(*alerts)


def make_hostile_alert(text: str, event: Event = Event.FIRING) -> Alert:
    """An alert with the text in each place that a host, an inventory or a user fills."""
    return make_alert(
        text,
        event,
        summary=f"{text}: it leaks",
        reason=text,
        evidence=text,
        groups=(text,),
        labels={"team": text},
        holders=(Holder(command=text, pid=1, user=text, tcp_close=1, container=text),),
        next_command=f"sockfleet explain --host {text}",
    )


def make_sink(folder: Path, /, **settings) -> Sink:
    """The sink named ``sink`` of these settings; ``_`` in a key becomes a hyphen."""
    document = {key.rstrip("_").replace("_", "-"): value for key, value in settings.items()}
    built = build_sinks({"sink": document}, folder)
    assert not built.faults, [str(fault) for fault in built.faults]
    return (built.sinks | built.heartbeats)["sink"]

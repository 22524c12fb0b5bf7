"""PagerDuty, Events API v2: what fires at once is one incident.

    page: {type: pagerduty, routing-key-file: pagerduty.key}

An incident is all alerts of a rule that fired in the same scan, so a storm pages once; the last of
them that resolves closes it (https://developer.pagerduty.com/docs/events-api-v2-overview).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from ...aggregator.document_writer import time_text
from ...core.record import record
from ...core.text import escape
from ..message_text import cut, describe_holders, headline, severity_of
from ..notification import Alert, Event, Message
from ..notification_document import to_document
from .http_request import Endpoint, HttpAnswer, HttpError
from .http_settings import judge_answer, read_http_settings, read_url
from .identity import make_incident_id
from .registry import Notifier
from .secrets import Secret
from .settings import SinkSettings
from .sink import Answer, Delivered, Refused, Unreached

__all__ = ["NOTIFIER", "PagerdutySettings", "PagerdutySink", "make_events"]

_URLS = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
_LONGEST_SUMMARY = 1024
_LONGEST_FIELD = 255
_MOST_DETAILED = 20
"""Alerts of a storm whose details are in the incident; an event may have 512 KB."""


@record
class PagerdutySettings:
    """Where events go, and for which service."""

    endpoint: Endpoint
    routing_key: Secret


class PagerdutySink:
    """A sink that opens and closes incidents."""

    repeats_all = False
    most_alerts = 1_000_000

    def __init__(self, name: str, settings: PagerdutySettings) -> None:
        self.name = name
        self._settings = settings

    def send(self, message: Message) -> Answer:
        """Send the events of a message in order; a second try changes nothing at PagerDuty."""
        answer: Answer = Delivered()
        for event in make_events(message, self.name):
            answer = self._send(event)
            if not isinstance(answer, Delivered):
                break
        return answer

    def _send(self, event: dict[str, Any]) -> Answer:
        endpoint = self._settings.endpoint
        body = orjson.dumps({"routing_key": self._settings.routing_key.reveal(), **event})
        try:
            answer = endpoint.request("POST", body)
        except HttpError as error:
            return Unreached(reason=str(error))
        return _judge(endpoint, answer)


def _judge(endpoint: Endpoint, answer: HttpAnswer) -> Answer:
    found = judge_answer(endpoint, answer)
    if isinstance(found, Refused) and "routing" in answer.text.lower():
        # A wrong key is answered by 400 too: the user mends it, and the message goes then.
        return Unreached(reason=found.reason)
    return found


def make_events(message: Message, sink: str) -> Iterator[dict[str, Any]]:
    """The events of a message without the routing key, one for each incident that changes."""
    incidents: dict[str, list[Alert]] = {}
    for alert in message.alerts:
        incidents.setdefault(_incident_of(alert, sink), []).append(alert)
    for incident, alerts in incidents.items():
        yield from _make_events(incident, alerts, message)


def _incident_of(alert: Alert, sink: str) -> str:
    kind = "cannot-judge-" if alert.event is Event.CANNOT_JUDGE else ""
    return f"sockfleet-{kind}{make_incident_id(alert, sink)}"


def _make_events(
    incident: str, alerts: Sequence[Alert], message: Message
) -> Iterator[dict[str, Any]]:
    firing = [alert for alert in alerts if not alert.event.is_over]
    missed = [alert for alert in alerts if alert.event is Event.MISSED]
    if firing or missed:
        yield {
            "event_action": "trigger",
            "dedup_key": incident,
            **_describe(firing or missed, message),
        }
    if not firing and all(alert.others_firing == 0 for alert in alerts):
        yield {"event_action": "resolve", "dedup_key": incident}


def _describe(alerts: Sequence[Alert], message: Message) -> dict[str, Any]:
    part = Message(id=message.id, alerts=alerts, source=message.source)
    first = alerts[0]
    is_over = all(alert.event.is_over for alert in alerts)
    payload = {
        "summary": cut(headline(part), _LONGEST_SUMMARY),
        "source": cut(_source(alerts), _LONGEST_FIELD),
        "severity": "info" if is_over else severity_of(alerts).value,
        "timestamp": time_text(min(alert.began_at for alert in alerts)),
        "component": cut(escape(first.holders[0].command), _LONGEST_FIELD)
        if first.holders
        else None,
        "group": cut(escape(first.groups[0]), _LONGEST_FIELD) if first.groups else None,
        "class": cut(escape(first.rule), _LONGEST_FIELD),
        "custom_details": _details(part),
    }
    event: dict[str, Any] = {
        "payload": {name: value for name, value in payload.items() if value is not None}
    }
    if first.runbook is not None:
        event["links"] = [{"href": escape(first.runbook), "text": "Runbook"}]
    return event


def _source(alerts: Sequence[Alert]) -> str:
    first = alerts[0].subject
    name = escape(first.host or first.name)
    return name if len(alerts) == 1 else f"{name} and {len(alerts) - 1:,} more"


def _details(message: Message) -> dict[str, Any]:
    """What the incident shows as a table: of one alert its own, of a storm a line for each."""
    document = to_document(message)
    if len(message.alerts) > 1:
        lines = {
            cut(alert["subject"]["name"], _LONGEST_FIELD): cut(alert["summary"], _LONGEST_SUMMARY)
            for alert in document["alerts"][:_MOST_DETAILED]
        }
        more = len(message.alerts) - _MOST_DETAILED
        return {"alerts": lines} | ({"more": f"+ {more:,} more"} if more > 0 else {})
    (alert,) = message.alerts
    (shown,) = document["alerts"]
    details = {
        "labels": {name: cut(text, _LONGEST_FIELD) for name, text in shown["labels"].items()},
        **{name: shown[name] for name in ("values", "reason", "evidence", "next_command")},
        "holders": describe_holders(alert.holders) if alert.holders else None,
        "source": document["source"],
    }
    return {
        name: cut(value, _LONGEST_SUMMARY * 4) if isinstance(value, str) else value
        for name, value in details.items()
        if value
    }


def _build(settings: SinkSettings) -> PagerdutySink:
    region = settings.choice("region", _URLS, "us")
    url = read_url(settings, _URLS[region])
    key = settings.secret("routing-key") or Secret("missing")
    endpoint = Endpoint(url, read_http_settings(settings), (key,))
    return PagerdutySink(settings.name, PagerdutySettings(endpoint=endpoint, routing_key=key))


NOTIFIER = Notifier(build=_build)

"""Prometheus's Alertmanager, API v2: all that fires is sent again at each evaluation.

    am: {type: alertmanager, urls: [http://127.0.0.1:9093]}

Alertmanager groups, repeats and silences. It takes an alert for resolved when ``endsAt`` is past,
and no later message can bring an ``endsAt`` in the future forward (api/v2/api.go and
types.Alert.Merge): a firing alert ends some intervals after its scan unless a newer scan sends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import orjson

from ...aggregator.document_writer import time_text
from ...core.record import record
from ...core.text import clean, escape
from ..message_text import cut, describe_holders
from ..notification import RESERVED_LABELS, Alert, Event, Message, Severity
from .http_request import Endpoint, HttpAnswer, HttpError
from .http_settings import judge_answer, read_http_settings, read_urls
from .registry import Notifier
from .secrets import Secret
from .settings import SinkSettings
from .sink import Answer, Delivered, Refused, Unreached

__all__ = ["NOTIFIER", "AlertmanagerSettings", "AlertmanagerSink", "find_label_problem"]

_PATH = "/api/v2/alerts"
_MOST_ALERTS = 200
"""Of one POST: 1,000 became a webhook of 469 KB on the other side."""
_MOST_S = 60.0
"""For all POSTs of a message to one Alertmanager; each has the time limit of the settings too."""
_USUAL_LIFE = timedelta(hours=4)
"""How long an alert fires of which the caller does not know when the next scan comes."""
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST_VALUE = 1024


@record
class AlertmanagerSettings:
    """All Alertmanagers of a cluster: they tell each other what was notified, not the alerts."""

    endpoints: tuple[Endpoint, ...]


class AlertmanagerSink:
    """A sink that posts to each Alertmanager of a cluster."""

    repeats_all = True
    most_alerts = _MOST_ALERTS

    def __init__(self, name: str, settings: AlertmanagerSettings) -> None:
        self.name = name
        self._endpoints = settings.endpoints

    def send(self, message: Message) -> Answer:
        """Post to all; delivered where one took it, as it notifies for all of its cluster."""
        good, problems = _separate(message.alerts)
        answers = [
            _Post(endpoint, good).send() if good else Delivered() for endpoint in self._endpoints
        ]
        return _join(answers, problems, is_all_wrong=not good)


def find_label_problem(name: str, value: str) -> str | None:
    """What Alertmanager would refuse of a label, in words; None where it takes it.

    For a rules file too: one wrong label of a rule would cost each of its alerts.
    """
    if not _LABEL.fullmatch(name):
        return f"{clean(name)!r} is not a label's name: letters, digits and underscores only"
    if name in RESERVED_LABELS:
        return f"the label {name} is set by sockfleet"
    if not value.strip():
        return f"the label {name} is empty"
    if len(value) > _LONGEST_VALUE:
        return f"the label {name} is longer than {_LONGEST_VALUE:,} characters"
    return None


def _separate(alerts: Sequence[Alert]) -> tuple[list[dict[str, Any]], list[str]]:
    """The alerts as Alertmanager takes them, and what is wrong with those that it would refuse."""
    now = datetime.now(UTC)
    good: list[dict[str, Any]] = []
    problems: list[str] = []
    for alert in alerts:
        found = (find_label_problem(*pair) for pair in alert.labels.items())
        problem = next((each for each in found if each is not None), None)
        if problem is None:
            good += _to_alertmanager(alert, now)
        else:
            problems.append(f"{escape(alert.rule)}: {problem}")
    return good, problems


def _to_alertmanager(alert: Alert, now: datetime) -> Iterator[dict[str, Any]]:
    yield {
        "labels": _labels(alert, alert.severity),
        "annotations": _annotations(alert),
        "startsAt": time_text(alert.began_at),
        "endsAt": time_text(_end(alert, now)),
    }
    if alert.event is Event.WORSE:
        # The severity is a label, by which Alertmanager routes: the alert of the other one ends.
        yield {
            "labels": _labels(alert, Severity.WARNING),
            "annotations": _annotations(alert),
            "startsAt": time_text(alert.began_at),
            "endsAt": time_text(max(min(alert.at, now), alert.began_at)),
        }


def _end(alert: Alert, now: datetime) -> datetime:
    if alert.event.is_over:
        return max(min(alert.ended_at or alert.at, now), alert.began_at)
    if alert.expires_at is None:
        return now + _USUAL_LIFE
    if alert.expires_at > now:
        return alert.expires_at
    # It comes late, as Alertmanager could not be reached: it fires as long as it would have.
    return now + max(alert.expires_at - alert.at, timedelta(minutes=1))


def _labels(alert: Alert, severity: Severity) -> dict[str, str]:
    subject = alert.subject
    own = {"alertname": alert.rule, "severity": severity.value, subject.kind: subject.name}
    if alert.event is Event.CANNOT_JUDGE:
        # Else it would end, or keep alive, the alert that fires for the same subject.
        own |= {"alertname": "sockfleet-cannot-judge", "rule": alert.rule}
    if subject.host is not None:
        own["host"] = subject.host
    return {name: _value(value) for name, value in {**alert.labels, **own}.items()}


def _annotations(alert: Alert) -> dict[str, str]:
    texts = {
        "summary": alert.summary,
        "description": alert.evidence,
        "holders": describe_holders(alert.holders) if alert.holders else None,
        "reason": alert.reason,
        "flapping": "true" if alert.event is Event.FLAPPING else None,
        "groups": ", ".join(alert.groups) or None,
        "next_command": alert.next_command,
        "runbook_url": alert.runbook,
    }
    return {name: _value(text) for name, text in texts.items() if text}


def _value(text: str) -> str:
    # Escaped, it is printable and valid UTF-8, which Alertmanager wants of each value.
    return cut(escape(text), _LONGEST_VALUE)


class _Post:
    """The POSTs of one message to one Alertmanager."""

    def __init__(self, endpoint: Endpoint, alerts: Sequence[Mapping[str, Any]]) -> None:
        self._endpoint = endpoint
        self._alerts = alerts
        self._refused: list[str] = []
        self._deadline = monotonic() + _MOST_S

    def send(self) -> Answer:
        """Post all; those of a POST that is refused alone, as it costs the good ones too."""
        for begin in range(0, len(self._alerts), _MOST_ALERTS):
            some = self._alerts[begin : begin + _MOST_ALERTS]
            answer = self._post(some)
            if isinstance(answer, Refused):
                answer = self._post_each(some) if len(some) > 1 else self._note(answer)
            if isinstance(answer, Unreached):
                return answer
        if len(self._refused) == len(self._alerts):
            return Refused(reason=self._refused[0])
        note = None
        if self._refused:
            count = f"{len(self._refused)} of {len(self._alerts)} alerts"
            note = f"{count} were refused: {self._refused[0]}"
        return Delivered(note=note)

    def _post_each(self, alerts: Iterable[Mapping[str, Any]]) -> Answer:
        for alert in alerts:
            answer = self._post([alert])
            if isinstance(answer, Unreached):
                return answer
            self._note(answer)
        return Delivered()

    def _note(self, answer: Answer) -> Answer:
        if isinstance(answer, Refused):
            self._refused.append(answer.reason)
        return answer

    def _post(self, alerts: Sequence[Mapping[str, Any]]) -> Answer:
        if monotonic() >= self._deadline:
            return Unreached(reason=f"{self._endpoint} did not take all in {_MOST_S:g} s")
        try:
            answer: HttpAnswer = self._endpoint.request("POST", orjson.dumps(alerts))
        except HttpError as error:
            return Unreached(reason=str(error))
        return judge_answer(self._endpoint, answer)


def _join(answers: Sequence[Answer], problems: Sequence[str], *, is_all_wrong: bool) -> Answer:
    if is_all_wrong:
        return Refused(reason=problems[0])
    delivered = [answer for answer in answers if isinstance(answer, Delivered)]
    if not delivered:
        waits = [answer for answer in answers if isinstance(answer, Unreached)]
        return waits[0] if waits else answers[0]
    notes = [answer.note for answer in delivered if answer.note is not None]
    notes += [answer.reason for answer in answers if not isinstance(answer, Delivered)]
    if problems:
        notes.append(f"{len(problems)} alerts were not sent: {problems[0]}")
    return Delivered(note="; ".join(dict.fromkeys(notes)) or None)


def _build(settings: SinkSettings) -> AlertmanagerSink:
    # Most Alertmanagers are http within a network; the user has to say so.
    may_be_plain = settings.switch("allow-http")
    urls = read_urls(settings, may_be_plain=may_be_plain)
    http = read_http_settings(settings)
    if may_be_plain and http.authorization is not None:
        settings.add_fault("a password or token does not go over http", "allow-http")
    return AlertmanagerSink(
        settings.name,
        AlertmanagerSettings(
            endpoints=tuple(Endpoint(Secret(url.rstrip("/") + _PATH), http) for url in urls)
        ),
    )


NOTIFIER = Notifier(build=_build)

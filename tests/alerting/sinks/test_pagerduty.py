"""PagerDuty's events: as the official client posts them, and one incident for a storm."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest
from pagerduty import EventsApiV2Client

from sockfleet.alerting.notification import Event, Severity
from sockfleet.alerting.sinks.pagerduty import make_events
from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Delivered, Refused, Unreached
from tests.support.alerting.http_receiver import Reply
from tests.support.alerting.notifications import (
    BEGAN,
    HOSTILE_TEXTS,
    make_alert,
    make_hostile_alert,
    make_message,
    make_sink,
    make_storm,
)
from tests.support.hostile_text import assert_harmless

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def page(tls_receiver, certificate, tmp_path):
    """A sink that posts to a receiver in PagerDuty's place."""
    (tmp_path / "pagerduty.key").write_text(KEY)
    (tmp_path / "pagerduty.key").chmod(0o600)
    tls_receiver.usual = lambda request: Reply(
        202, b'{"status": "success", "dedup_key": "%s"}' % b"any"
    )
    return make_sink(
        tmp_path,
        type="pagerduty",
        url=f"{tls_receiver.url}/v2/enqueue",
        ca_file=str(certificate[0]),
        routing_key_file="pagerduty.key",
    )


@pytest.fixture
def client(tls_receiver, certificate):
    """The official client, for the same receiver."""
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    with EventsApiV2Client(KEY, base_url=tls_receiver.url, verify=trust) as official:
        yield official


def test_a_trigger_is_what_the_official_client_posts(page, client, tls_receiver):
    assert page.send(make_message()) == Delivered()
    (ours,) = tls_receiver.requests
    document = ours.document
    payload = dict(document["payload"])
    client.trigger(
        payload.pop("summary"),
        payload.pop("source"),
        dedup_key=document["dedup_key"],
        severity=payload.pop("severity"),
        custom_details=payload.pop("custom_details"),
        payload=payload,
        links=document["links"],
    )
    theirs = tls_receiver.requests[1]
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert document == theirs.document
    assert document["payload"]["severity"] == "warning"
    assert document["payload"]["source"] == "checkout"
    assert "php (pid 123" in document["payload"]["custom_details"]["holders"]
    assert document["links"] == [{"href": "https://example.org/runbook#closed", "text": "Runbook"}]


def test_a_resolve_is_what_the_official_client_posts(page, client, tls_receiver):
    assert page.send(make_message(make_alert(event=Event.RESOLVED))) == Delivered()
    (ours,) = tls_receiver.requests
    client.resolve(ours.document["dedup_key"])
    assert ours.document == tls_receiver.requests[1].document
    (firing,) = make_events(make_message(), "sink")
    assert ours.document["dedup_key"] == firing["dedup_key"]


def test_all_events_of_an_alert_are_one_incident(page, tls_receiver):
    for event in (Event.FIRING, Event.WORSE, Event.REPEATED, Event.FLAPPING, Event.RESOLVED):
        assert page.send(make_message(make_alert(event=event))) == Delivered()
    assert len({request.document["dedup_key"] for request in tls_receiver.requests}) == 1
    actions = [request.document["event_action"] for request in tls_receiver.requests]
    assert actions == ["trigger"] * 4 + ["resolve"]


def test_another_episode_is_another_incident():
    later = make_alert(began_at=BEGAN + timedelta(hours=1))
    (first,) = make_events(make_message(), "sink")
    (second,) = make_events(make_message(later), "sink")
    assert first["dedup_key"] != second["dedup_key"]


def test_alerts_that_fired_at_once_are_one_incident_whenever_they_began():
    fired_at = BEGAN + timedelta(minutes=15)
    message = make_message(
        make_alert("web1", fired_at=fired_at),
        make_alert("web2", fired_at=fired_at, began_at=BEGAN - timedelta(minutes=5)),
    )
    assert len(list(make_events(message, "sink"))) == 1


def test_a_storm_is_one_incident_that_its_last_host_closes(page, tls_receiver):
    assert page.send(make_storm(1000)) == Delivered()
    (trigger,) = tls_receiver.requests
    payload = trigger.document["payload"]
    assert payload["summary"] == (
        "3 CRITICAL, 997 WARNING host-unread: 1,000 hosts (web1.example.org, web2.example.org, "
        "web3.example.org + 997 more)"
    )
    assert payload["severity"] == "critical"
    assert payload["custom_details"]["more"] == "+ 980 more"

    rule = {"rule": "host-unread", "event": Event.RESOLVED}
    assert page.send(make_message(make_alert("web1", **rule, others_firing=999))) == Delivered()
    assert len(tls_receiver.requests) == 1
    assert page.send(make_message(make_alert("web2", **rule, others_firing=0))) == Delivered()
    resolve = tls_receiver.requests[1].document
    assert resolve["event_action"] == "resolve"
    assert resolve["dedup_key"] == trigger.document["dedup_key"]


def test_what_fired_and_resolved_unseen_is_an_incident_of_the_past():
    trigger, resolve = make_events(make_message(make_alert(event=Event.MISSED)), "sink")
    assert trigger["payload"]["severity"] == "info"
    assert trigger["payload"]["summary"].startswith("FIRED AND RESOLVED ")
    assert resolve == {"event_action": "resolve", "dedup_key": trigger["dedup_key"]}


def test_what_cannot_be_judged_is_an_incident_of_its_own():
    (trigger,) = make_events(make_message(make_alert(event=Event.CANNOT_JUDGE)), "sink")
    (firing,) = make_events(make_message(), "sink")
    assert trigger["dedup_key"] != firing["dedup_key"]
    assert trigger["payload"]["summary"].startswith("CANNOT JUDGE ")


@pytest.mark.parametrize("name", sorted(HOSTILE_TEXTS))
def test_any_text_is_within_the_limits(page, tls_receiver, name):
    text = HOSTILE_TEXTS[name]
    message = make_message(
        make_hostile_alert(text), make_alert(text * 2, severity=Severity.CRITICAL)
    )
    for each in (message, make_message(make_hostile_alert(text))):
        assert page.send(each) == Delivered()
    for request in tls_receiver.requests:
        assert_harmless(request.body)
        assert len(request.body) < 512 * 1024
        document = request.document
        assert len(document["dedup_key"]) <= 255
        assert len(document["payload"]["summary"]) <= 1024


def test_a_wrong_routing_key_is_mended_by_the_user_and_is_not_shown(page, tls_receiver):
    tls_receiver.usual = lambda request: Reply(
        400, b'{"errors": ["Invalid routing key %s"]}' % KEY.encode()
    )
    answer = page.send(make_message())
    assert isinstance(answer, Unreached)
    assert "Invalid routing key" in answer.reason
    assert KEY not in answer.reason
    assert KEY not in repr(vars(page))


def test_an_event_that_is_invalid_is_not_tried_again(page, tls_receiver):
    tls_receiver.usual = lambda request: Reply(400, b'{"errors": ["summary is too long"]}')
    assert isinstance(page.send(make_message()), Refused)


def test_events_are_sent_in_order_and_wait_for_one_that_fails(page, tls_receiver):
    other = make_alert("web2", rule="orphans")
    tls_receiver.replies = [Reply(202), Reply(429, headers={"Retry-After": "30"})]
    answer = page.send(make_message(make_alert(), other, make_alert("web3", rule="mem")))
    assert isinstance(answer, Unreached)
    assert answer.after_s == 30
    assert [each.document["payload"]["class"] for each in tls_receiver.requests] == [
        "closed-sockets-grow",
        "orphans",
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "routing-key-file or routing-key-env is missing"),
        ({"routing-key": KEY}, "a secret does not belong in this file"),
        ({"routing-key-env": "KEY", "region": "uk"}, "found 'uk'"),
        ({"routing-key-env": "KEY", "url": "http://events.pagerduty.com"}, "expected https"),
    ],
)
def test_a_wrong_setting_is_a_fault(tmp_path, settings, problem):
    found = build_sinks({"p": {"type": "pagerduty", **settings}}, tmp_path, {"KEY": KEY})
    (fault,) = found.faults
    assert problem in str(fault)
    assert KEY not in str(fault)

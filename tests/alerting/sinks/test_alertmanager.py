"""Alerts at a real Alertmanager, as amtool shows them and as it notifies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sockfleet.alerting.notification import RESERVED_LABELS, Event, Severity, Subject
from sockfleet.alerting.sinks.alertmanager import find_label_problem
from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Delivered, Refused, Unreached
from tests.support.alerting.alertmanager import run_alertmanager
from tests.support.alerting.http_receiver import Reply, run_receiver
from tests.support.alerting.notifications import (
    HOSTILE_TEXTS,
    make_alert,
    make_hostile_alert,
    make_message,
    make_sink,
    make_storm,
)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    """One Alertmanager for all tests: each has hosts of its own."""
    with run_receiver() as hook, run_alertmanager(tmp_path_factory.mktemp("am"), hook) as running:
        yield running


def alert_now(host, event=Event.FIRING, **fields):
    """An alert that began a quarter of an hour ago and is to fire for some minutes."""
    began = datetime.now(UTC) - timedelta(minutes=15)
    return make_alert(host, event, **{"began_at": began, **fields})


def send(sink, *alerts):
    answer = sink.send(make_message(*alerts))
    assert answer == Delivered(), answer


def test_an_alert_fires_fires_on_and_resolves(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=[alertmanager.url])
    assert sink.repeats_all
    first = alert_now("web1")
    send(sink, first)
    notified = alertmanager.wait_for("firing", host="web1")
    (shown,) = alertmanager.query("host=web1")
    assert shown["labels"] == {
        "alertname": "closed-sockets-grow",
        "severity": "warning",
        "host": "web1",
        "team": "shop",
    }
    assert notified["commonAnnotations"]["summary"] == first.summary
    assert notified["commonAnnotations"]["runbook_url"] == first.runbook
    assert "php (pid 123" in notified["commonAnnotations"]["holders"]

    # Still firing, after a scan that did not read it: a later end, and nothing is notified anew.
    later = first.expires_at + timedelta(minutes=10)
    send(sink, alert_now("web1", Event.REPEATED, began_at=first.began_at, expires_at=later))
    (again,) = alertmanager.query("host=web1")
    assert again["startsAt"] == shown["startsAt"]
    assert again["endsAt"] > shown["endsAt"]

    send(sink, alert_now("web1", Event.RESOLVED, began_at=first.began_at))
    alertmanager.wait_for("resolved", host="web1")
    assert alertmanager.query("host=web1") == []
    statuses = [
        request.document["status"]
        for request in alertmanager.hook.requests
        if request.document["commonLabels"]["host"] == "web1"
    ]
    assert statuses == ["firing", "resolved"]


def test_a_severity_that_rises_ends_the_alert_of_the_lower_one(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    first = alert_now("web2")
    send(sink, first)
    alertmanager.wait_for("firing", host="web2", severity="warning")
    worse = {"began_at": first.began_at, "severity": Severity.CRITICAL}
    send(sink, alert_now("web2", Event.WORSE, **worse))
    alertmanager.wait_for("firing", host="web2", severity="critical")
    alertmanager.wait_for("resolved", host="web2", severity="warning")
    (shown,) = alertmanager.query("host=web2")
    assert shown["labels"]["severity"] == "critical"


def test_what_fired_and_resolved_unseen_is_not_notified_as_firing(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    send(sink, alert_now("web3", Event.MISSED))
    assert alertmanager.query("host=web3") == []


def test_an_alert_that_comes_late_fires_as_long_as_it_would_have(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    send(sink, make_alert("web4"))
    (shown,) = alertmanager.query("host=web4")
    assert datetime.fromisoformat(shown["endsAt"]) > datetime.now(UTC)


def test_what_cannot_be_judged_leaves_the_alert_alone_that_fires(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    send(sink, alert_now("web5"), alert_now("web5", Event.CANNOT_JUDGE))
    names = {shown["labels"]["alertname"] for shown in alertmanager.query("host=web5")}
    assert names == {"closed-sockets-grow", "sockfleet-cannot-judge"}


@pytest.mark.parametrize(
    ("subject", "labels"),
    [
        (Subject(kind="group", name="shop"), {"group": "shop"}),
        (Subject(kind="fleet", name="all"), {"fleet": "all"}),
        (Subject(kind="namespace", name="h/app", host="h"), {"namespace": "h/app", "host": "h"}),
        (Subject(kind="holder", name="h/php", host="h"), {"holder": "h/php", "host": "h"}),
    ],
)
def test_each_kind_of_subject_has_its_label(alertmanager, tmp_path, subject, labels):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    rule = f"rule-{subject.kind}"
    send(sink, alert_now("x", rule=rule, subject=subject, labels={}))
    (shown,) = alertmanager.query(f"alertname={rule}")
    assert shown["labels"] == {"alertname": rule, "severity": "warning", **labels}


def test_a_storm_arrives_in_posts_of_some_hundreds(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    assert sink.send(make_storm(1000)) == Delivered()
    assert len(alertmanager.query("alertname=host-unread")) == 1000
    assert sink.send(make_storm(1000, Event.RESOLVED)) == Delivered()
    assert alertmanager.query("alertname=host-unread") == []


@pytest.mark.parametrize("name", sorted(HOSTILE_TEXTS))
def test_alertmanager_takes_any_text(alertmanager, tmp_path, name):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    hostile = make_hostile_alert(HOSTILE_TEXTS[name])
    rule = f"hostile-{name.replace('_', '-')}"
    fields = {"rule": rule, "labels": {}, "expires_at": None}
    alert = make_alert("x", **fields, subject=hostile.subject, summary=hostile.summary)
    send(sink, alert)
    (shown,) = alertmanager.query(f"alertname={rule}")
    assert shown["labels"]["host"].isprintable()
    assert len(shown["annotations"]["summary"]) <= 1024


def test_an_alert_with_a_wrong_label_costs_no_other(alertmanager, tmp_path):
    sink = make_sink(tmp_path, type="alertmanager", urls=alertmanager.url)
    good, bad = alert_now("web6"), alert_now("web7", labels={"a-b": "c"})
    answer = sink.send(make_message(good, bad))
    assert isinstance(answer, Delivered)
    assert answer.note.startswith("1 alerts were not sent: closed-sockets-grow: 'a-b' is not")
    assert len(alertmanager.query("host=~web[67]")) == 1
    refused = sink.send(make_message(bad))
    assert isinstance(refused, Refused)


@pytest.mark.parametrize(
    ("name", "value", "is_wrong"),
    [
        *(("team", "shop", False), ("_x", "1", False), ("a-b", "c", True), ("1a", "c", True)),
        *(("", "c", True), ("severity", "c", True), ("host", "c", True), ("team", " ", True)),
        *(("team", "x" * 1025, True), ("t\u00e9am", "c", True)),
    ],
)
def test_a_label_that_alertmanager_would_refuse_is_named_before(name, value, is_wrong):
    assert (find_label_problem(name, value) is not None) is is_wrong


@pytest.mark.parametrize("kind", ["host", "group", "fleet", "namespace", "holder"])
def test_no_rule_may_have_a_label_that_the_sink_sets(receiver, tmp_path, kind):
    """Else ``alert --check`` would take a rule each of whose alerts is refused here."""
    sink = make_sink(tmp_path, type="alertmanager", urls=receiver.url)
    subject = Subject(kind=kind, name="x", host="h")
    assert sink.send(make_message(make_alert(subject=subject, labels={}))) == Delivered()
    cannot_judge = make_alert(event=Event.CANNOT_JUDGE, labels={})
    assert sink.send(make_message(cannot_judge)) == Delivered()
    for request in receiver.requests:
        assert request.document[0]["labels"].keys() <= set(RESERVED_LABELS)
    for name in RESERVED_LABELS:
        assert find_label_problem(name, "x") is not None


def test_a_post_that_is_refused_is_sent_again_one_by_one_and_only_once(receiver, tmp_path):
    def refuse_web2(request):
        is_bad = any(each["labels"]["host"] == "web2" for each in request.document)
        return Reply(400, b'"web2 is bad"') if is_bad else Reply()

    receiver.usual = refuse_web2
    sink = make_sink(tmp_path, type="alertmanager", urls=receiver.url)
    answer = sink.send(make_message(*(make_alert(f"web{number}") for number in (1, 2, 3))))
    assert answer.note.startswith("1 of 3 alerts were refused: ")
    taken = [request.document for request in receiver.requests if len(request.document) == 1]
    assert [each["labels"]["host"] for (each,) in taken] == ["web1", "web2", "web3"]
    assert isinstance(sink.send(make_message(make_alert("web2"))), Refused)


def test_many_posts_that_are_each_in_time_are_bounded_together(receiver, tmp_path, monkeypatch):
    clock = iter(range(0, 1000, 25))
    monkeypatch.setattr("sockfleet.alerting.sinks.alertmanager.monotonic", lambda: next(clock))
    receiver.usual = lambda request: Reply(400)
    sink = make_sink(tmp_path, type="alertmanager", urls=receiver.url)
    answer = sink.send(make_storm(10))
    assert isinstance(answer, Unreached)
    assert answer.reason.endswith("did not take all in 60 s")
    assert len(receiver.requests) == 2


def test_all_of_a_cluster_get_it_and_one_is_enough(receiver, tmp_path):
    with run_receiver() as other:
        urls = [receiver.url, "http://127.0.0.1:1", f"{other.url}/prefix/"]
        sink = make_sink(tmp_path, type="alertmanager", urls=urls)
        answer = sink.send(make_message())
    assert answer == Delivered(note="127.0.0.1:1: Connection refused")
    assert [request.path for request in receiver.requests] == ["/api/v2/alerts"]
    assert [request.path for request in other.requests] == ["/prefix/api/v2/alerts"]


def test_where_none_took_it_it_is_tried_again(receiver, tmp_path):
    receiver.usual = lambda request: Reply(503, b"busy", {"Retry-After": "5"})
    sink = make_sink(tmp_path, type="alertmanager", urls=[receiver.url, "http://127.0.0.1:1"])
    answer = sink.send(make_message())
    assert isinstance(answer, Unreached)
    assert answer.after_s == 5


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "sinks.am: urls is missing"),
        ({"urls": ["http://am.example.org:9093"]}, "sinks.am.urls: expected https"),
        (
            {"urls": "http://am:9093", "allow-http": True, "token-env": "TOKEN"},
            "sinks.am.allow-http: a password or token does not go over http",
        ),
        ({"url": "http://127.0.0.1", "urls": "http://127.0.0.1"}, "did you mean urls?"),
    ],
)
def test_a_wrong_setting_is_a_fault(tmp_path, settings, problem):
    found = build_sinks({"am": {"type": "alertmanager", **settings}}, tmp_path, {"TOKEN": "x"})
    (fault,) = found.faults
    assert problem in str(fault)


def test_http_within_a_network_is_taken_where_the_user_says_so(tmp_path):
    make_sink(tmp_path, type="alertmanager", urls="http://am:9093", allow_http=True)

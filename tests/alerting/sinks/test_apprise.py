"""Notifications through Apprise, to a receiver on loopback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sockfleet.alerting.notification import Event
from sockfleet.alerting.sinks import apprise as apprise_sink
from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Delivered, Unreached
from tests.support.alerting.http_receiver import Reply
from tests.support.alerting.notifications import (
    HOSTILE_TEXTS,
    make_alert,
    make_hostile_alert,
    make_message,
    make_sink,
    make_storm,
)


@pytest.fixture
def notify(receiver, tmp_path):
    """Make a sink of Apprise's own JSON receiver."""

    def make(limit=None, title_limit=None, **more):
        (tmp_path / "url").write_text(f"{receiver.url.replace('http', 'json')}/t0ken")
        (tmp_path / "url").chmod(0o600)
        sink = make_sink(tmp_path, type="apprise", url_file="url", **more)
        server = sink._settings.server
        if limit is not None:
            server.body_maxlen = limit
        if title_limit is not None:
            server.title_maxlen = title_limit
        return sink

    return make


def test_a_notification_arrives(notify, receiver):
    assert notify().send(make_message()) == Delivered()
    (request,) = receiver.requests
    assert request.document["title"].startswith("WARNING closed-sockets-grow: checkout")
    assert "php (pid 123" in request.document["message"]
    assert request.document["type"] == "warning"


def test_its_kind_is_that_of_the_event(notify, receiver):
    sink = notify()
    for message in (make_storm(4), make_message(make_alert(event=Event.RESOLVED))):
        assert sink.send(message) == Delivered()
    assert [request.document["type"] for request in receiver.requests] == ["failure", "success"]


@pytest.mark.parametrize("title_limit", [0, 40, 250])
@pytest.mark.parametrize("limit", [300, 1000, 4000])
def test_a_storm_is_cut_to_the_limit_of_the_receiver(notify, receiver, limit, title_limit):
    assert notify(limit, title_limit).send(make_storm(1000)) == Delivered()
    (request,) = receiver.requests
    text = request.document["message"]
    assert len(text) <= limit
    assert len(request.document["title"]) <= title_limit
    *shown, last = text.splitlines()
    named = [line for line in shown if "was not read" in line]
    expected = 1000 - sum(line.startswith(("CRITICAL web", "WARNING web")) for line in named)
    assert last == f"+ {expected} more"


@pytest.mark.parametrize("name", sorted(HOSTILE_TEXTS))
@pytest.mark.parametrize("limit", [40, 1000])
def test_any_text_is_within_the_limit(notify, receiver, name, limit):
    message = make_message(make_hostile_alert(HOSTILE_TEXTS[name]))
    assert notify(limit).send(message) == Delivered()
    (request,) = receiver.requests
    assert len(request.document["message"]) <= limit


def test_a_receiver_that_fails_is_tried_again_and_its_url_is_not_shown(notify, receiver, capfd):
    receiver.usual = lambda request: Reply(500)
    sink = notify()
    answer = sink.send(make_message())
    assert answer == Unreached(reason="JSON took no notification")
    assert "t0ken" not in repr(vars(sink))
    assert capfd.readouterr() == ("", "")


def test_a_plugin_that_raises_is_an_answer(notify, monkeypatch):
    sink = notify()

    def fail(**fields):
        raise RuntimeError("https://t0ken")

    monkeypatch.setattr(sink._settings.server, "notify", fail)
    assert sink.send(make_message()) == Unreached(reason="JSON: Apprise raised RuntimeError")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nope://hunter2", "sinks.a: Apprise knows no such URL (it begins with nope://)"),
        ("hunter2", "sinks.a: Apprise knows no such URL"),
        ("slack://hunter2", "sinks.a: Apprise knows no such URL (it begins with slack://)"),
        ("json://a,json://b/hunter2", "sinks.a: expected one URL; make a sink for each"),
    ],
)
def test_a_url_that_apprise_does_not_take_is_a_fault(tmp_path, caplog, url, problem):
    document = {"a": {"type": "apprise", "url-env": "URL"}}
    (fault,) = build_sinks(document, tmp_path, {"URL": url}).faults
    assert str(fault) == problem
    assert "hunter2" not in caplog.text


def test_a_url_in_the_rules_file_is_a_fault(tmp_path):
    (fault,) = build_sinks({"a": {"type": "apprise", "url": "json://hunter2"}}, tmp_path).faults
    assert "a secret does not belong in this file" in str(fault)
    assert "hunter2" not in str(fault)


def test_without_the_extra_the_user_learns_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(apprise_sink, "find_spec", lambda name: None)
    document = {"a": {"type": "apprise", "url-env": "URL"}}
    (fault,) = build_sinks(document, tmp_path, {"URL": "json://a"}).faults
    assert "pip install 'sockfleet[apprise]'" in str(fault)


def test_only_the_sinks_that_a_file_names_are_imported(tmp_path):
    script = """
import sys
from pathlib import Path
from sockfleet.alerting.sinks.registry import build_sinks
build_sinks({"a": {"type": "command", "command": ["/bin/cat"]}}, Path("/"))
heavy = ("apprise", "smtplib", "http.client", "ssl", "jinja2", "yaml")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"[]\n"

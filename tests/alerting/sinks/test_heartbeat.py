"""Pings of a heartbeat, which say nothing of what was found."""

from __future__ import annotations

import pytest

from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Delivered, Ping, Unreached
from tests.support.alerting.http_receiver import Reply
from tests.support.alerting.notifications import make_sink


def test_each_ping_has_its_path(receiver, tmp_path):
    pinger = make_sink(tmp_path, type="heartbeat", url=f"{receiver.url}/ping/uuid?create=1")
    for ping in (Ping.START, Ping.SUCCESS, Ping.FAIL):
        assert pinger.ping(ping) == Delivered()
    assert [(each.method, each.path, each.body) for each in receiver.requests] == [
        ("GET", "/ping/uuid/start?create=1", b""),
        ("GET", "/ping/uuid?create=1", b""),
        ("GET", "/ping/uuid/fail?create=1", b""),
    ]


def test_a_service_may_know_only_the_ping_of_a_complete_evaluation(receiver, tmp_path):
    pinger = make_sink(tmp_path, type="heartbeat", url=receiver.url, only_success=True)
    for ping in Ping:
        assert pinger.ping(ping) == Delivered()
    assert [each.path for each in receiver.requests] == ["/"]


def test_a_heartbeat_is_no_sink(receiver, tmp_path):
    found = build_sinks({"alive": {"type": "heartbeat", "url": receiver.url}}, tmp_path)
    assert list(found.heartbeats) == ["alive"]
    assert not found.sinks


def test_a_ping_that_fails_does_not_show_the_url(receiver, tmp_path):
    receiver.usual = lambda request: Reply(404, b"no check at " + request.path.encode())
    (tmp_path / "url").write_text(f"{receiver.url}/s3cret")
    (tmp_path / "url").chmod(0o600)
    pinger = make_sink(tmp_path, type="heartbeat", url_file="url")
    for ping in Ping:
        answer = pinger.ping(ping)
        assert isinstance(answer, Unreached)
        assert "404" in answer.reason
        assert "s3cret" not in answer.reason


@pytest.mark.parametrize("url", ["http://hc-ping.com/uuid", "uuid", 7])
def test_a_wrong_url_is_a_fault(tmp_path, url):
    found = build_sinks({"alive": {"type": "heartbeat", "url": url}}, tmp_path)
    assert [fault.path for fault in found.faults] == [("alive", "url")]

"""Webhooks, verified by the reference implementation of Standard Webhooks."""

from __future__ import annotations

import base64
import json
import os

import pytest
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook, WebhookVerificationError

from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Delivered, Refused, Unreached
from sockfleet.output.machine.schema import load_schema
from tests.support.alerting.http_receiver import Reply
from tests.support.alerting.notifications import (
    HOSTILE_TEXTS,
    make_hostile_alert,
    make_message,
    make_sink,
    make_storm,
)

SCHEMA = Draft202012Validator(load_schema("notification"))
NEW, OLD, OTHER = (
    f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"n", b"o", b"x")
)


@pytest.fixture
def webhook(receiver, tmp_path):
    """Make a sink that signs by the new secret; further settings as keywords."""
    for name, secret in (("new.key", NEW), ("old.key", OLD)):
        (tmp_path / name).write_text(f"{secret}\n")
        (tmp_path / name).chmod(0o600)

    def make(**more):
        url = f"{receiver.url}/hook"
        return make_sink(tmp_path, type="webhook", url=url, secret_file="new.key", **more)

    return make


def test_the_reference_verifies_a_message(webhook, receiver):
    assert webhook().send(make_message()) == Delivered()
    (request,) = receiver.requests
    document = Webhook(NEW).verify(request.body, request.headers)
    SCHEMA.validate(document)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body + b" ", request.headers)


def test_two_secrets_sign_while_they_rotate(webhook, receiver):
    assert webhook(old_secret_file="old.key").send(make_message()) == Delivered()
    (request,) = receiver.requests
    for secret in (NEW, OLD):
        Webhook(secret).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(request.body, request.headers)


def test_a_second_try_has_the_same_identity(webhook, receiver):
    receiver.replies = [Reply(503)]
    sink = webhook()
    assert isinstance(sink.send(make_message()), Unreached)
    assert sink.send(make_message()) == Delivered()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_receiver_that_wants_no_more_is_not_tried_again(webhook, receiver):
    receiver.replies = [Reply(410)]
    assert isinstance(webhook().send(make_message()), Refused)


def test_a_storm_is_cut_to_the_limit_of_the_receiver(webhook, receiver):
    assert webhook(most_bytes=100_000).send(make_storm(1000)) == Delivered()
    (request,) = receiver.requests
    assert 90_000 < len(request.body) <= 100_000
    document = Webhook(NEW).verify(request.body, request.headers)
    assert len(document["alerts"]) + document["left_out"] == 1000
    assert document["events"] == {"firing": 1000}


@pytest.mark.parametrize("name", sorted(HOSTILE_TEXTS))
def test_any_text_is_verified(webhook, receiver, name):
    message = make_message(make_hostile_alert(HOSTILE_TEXTS[name]))
    assert webhook(most_bytes=64 * 1024 * 1024).send(message) == Delivered()
    (request,) = receiver.requests
    SCHEMA.validate(Webhook(NEW).verify(request.body, request.headers))
    assert request.headers["webhook-id"].isascii()
    assert "." not in request.headers["webhook-id"]


def test_a_message_need_not_be_signed_where_the_user_says_so(receiver, tmp_path):
    sink = make_sink(tmp_path, type="webhook", url=receiver.url, unsigned=True)
    assert sink.send(make_message()) == Delivered()
    assert "webhook-signature" not in receiver.requests[0].headers


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"secret-env": "NEW"}, "url, url-file or url-env is missing"),
        ({"url": "https://h"}, "secret-file or secret-env is missing"),
        ({"url": "http://h.example.org/", "secret-env": "NEW"}, "sinks.s.url: expected https"),
        ({"url-env": "BAD_URL", "secret-env": "NEW"}, "sinks.s.url: expected https"),
        ({"url": "https://h", "secret-env": "SHORT"}, "a webhook's secret is whsec_ and 24 to 64"),
        ({"url": "https://h", "secret-env": "WORDS"}, "a webhook's secret is whsec_ and 24 to 64"),
        ({"url": "https://h", "secret-env": "NEW", "unsigned": True}, "so the messages are signed"),
    ],
)
def test_a_wrong_setting_is_a_fault_that_shows_no_secret(tmp_path, settings, problem):
    environment = {
        "NEW": NEW,
        "SHORT": "whsec_aHVudGVyMg==",
        "WORDS": "hunter2 is no secret",
        "BAD_URL": "http://example.org/hunter2",
    }
    found = build_sinks({"s": {"type": "webhook", **settings}}, tmp_path, environment)
    (fault,) = found.faults
    assert problem in str(fault)
    assert not any(secret in str(fault) for secret in ("hunter2", "aHVudGVyMg", NEW))


def test_no_secret_is_in_what_a_sink_shows(webhook):
    key = base64.b64decode(NEW.removeprefix("whsec_"))
    shown = repr(vars(webhook()))
    assert NEW not in shown
    assert repr(key) not in shown
    assert os.environ.get("HOME", "/") not in json.dumps(shown) or "hook" not in shown

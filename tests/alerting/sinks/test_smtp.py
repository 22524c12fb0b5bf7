"""Notifications as mails at a real SMTP server: text first, threads by References."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager

import pytest
from aiosmtpd.smtp import AuthResult

from sockfleet.alerting.notification import Event
from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.sink import Delivered, Refused, Unreached
from tests.support.alerting.notifications import (
    HOSTILE_TEXTS,
    make_alert,
    make_hostile_alert,
    make_message,
    make_sink,
    make_storm,
)
from tests.support.hostile_text import assert_harmless_text
from tests.support.mail_server import Received, run_mail_server

ADDRESSES = {"from": "sockfleet@example.org", "to": ["ops@example.org", "shop@example.org"]}


@pytest.fixture
def received():
    return Received()


@pytest.fixture
def mail(received, tmp_path):
    """A sink that mails to a server on loopback."""
    with run_mail_server(received) as port:
        yield make_sink(tmp_path, type="smtp", host="127.0.0.1", port=port, **ADDRESSES)


def test_text_comes_first_then_a_table(mail, received):
    assert mail.send(make_message()) == Delivered()
    (sent,) = received.mails
    assert [part.get_content_type() for part in sent.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert sent["To"] == "ops@example.org, shop@example.org"
    assert sent["Subject"].startswith("[sockfleet] WARNING closed-sockets-grow: checkout: ")
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["List-Id"] == "<alerts.sockfleet.invalid>"
    text, table = (part.get_content() for part in sent.iter_parts())
    for expected in ("php (pid 123", "sockfleet explain --host checkout", "https://example.org/"):
        assert expected in text
        assert expected in table
    for forbidden in ("<script", "<style", "<svg", "<img"):
        assert forbidden not in table


def find_thread(mails):
    """The mails by the root of their thread, as a mail program groups them by References."""
    threads = {}
    for sent in mails:
        threads.setdefault(sent["References"].split()[0], []).append(sent)
    return threads


def test_all_mails_of_an_alert_are_a_thread_and_refer_to_the_firing_one(mail, received):
    events = (Event.FIRING, Event.WORSE, Event.REPEATED, Event.RESOLVED)
    for event in events:
        assert mail.send(make_message(make_alert(event=event))) == Delivered()
    assert mail.send(make_message(make_alert("other", rule="orphans"))) == Delivered()
    firing, *later, other = received.mails
    for sent in later:
        assert firing["Message-ID"] in sent["References"].split()
        assert sent["In-Reply-To"] == firing["Message-ID"]
    assert firing["Message-ID"] not in other["References"]
    assert [len(thread) for thread in find_thread(received.mails).values()] == [4, 1]
    assert len({sent["Message-ID"] for sent in received.mails}) == 5


def test_a_storm_is_one_mail_in_one_thread_with_those_about_its_hosts(mail, received):
    assert mail.send(make_storm(1000)) == Delivered()
    one = make_alert("web7.example.org", Event.RESOLVED, rule="host-unread")
    assert mail.send(make_message(one)) == Delivered()
    storm, resolved = received.mails
    assert find_thread([storm, resolved]).keys() == {storm["References"]}
    text, table = (part.get_content() for part in storm.iter_parts())
    for shown in (text, table):
        assert "+ 980 more" in shown
    assert "1,000 hosts (web1.example.org, web2" in storm["Subject"]
    assert table.count("<tr>") == 20 + 2


def test_a_second_try_has_the_same_message_id(mail, received):
    for _ in range(2):
        assert mail.send(make_message()) == Delivered()
    first, second = received.mails
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize("name", sorted(HOSTILE_TEXTS))
@pytest.mark.parametrize("count", [1, 2])
def test_any_text_stays_in_its_place(mail, received, name, count):
    alert = make_hostile_alert(HOSTILE_TEXTS[name])
    assert mail.send(make_message(*[alert] * count)) == Delivered()
    assert mail.send(make_message()) == Delivered()
    hostile, usual = received.mails
    assert hostile.keys() == usual.keys()
    assert_harmless_text(hostile["Subject"])
    assert len(" ".join(hostile["Subject"].split())) <= 150  # folding may add a blank
    text, table = (part.get_content().replace("\r\n", "\n") for part in hostile.iter_parts())
    assert_harmless_text(text)
    assert_harmless_text(table)
    assert "<script>" not in table
    assert table.count("<tr>") == {1: 9, 2: 4}[count]


def test_the_login_needs_tls_and_the_password_shows_nowhere(
    received, tmp_path, certificate, monkeypatch
):
    def log_in(server, session, envelope, mechanism, data):
        is_right = (data.login, data.password) == (b"cron", b"hunter2")
        return AuthResult(success=is_right, handled=False)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    (tmp_path / "password").write_text("hunter2")
    (tmp_path / "password").chmod(0o600)
    login = {"authenticator": log_in, "auth_required": True, "require_starttls": True}
    with run_mail_server(received, tls_context=context, **login) as port:
        fields = {"host": "localhost", "port": port, "user": "cron", **ADDRESSES}
        sink = make_sink(tmp_path, type="smtp", password_file="password", **fields)
        refused = sink.send(make_message())
        assert isinstance(refused, Unreached)
        assert "certificate" in refused.reason
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert sink.send(make_message()) == Delivered()
        assert received.was_tls == [True]
        (tmp_path / "password").write_text("hunter3")
        wrong = make_sink(tmp_path, type="smtp", password_file="password", **fields)
        answer = wrong.send(make_message())
    assert isinstance(answer, Unreached)
    assert "hunter" not in answer.reason + repr(vars(sink))


@pytest.mark.parametrize(
    ("reply", "refused", "kind", "words"),
    [
        ("554 spam", (), Refused, "554 spam"),
        ("451 later", (), Unreached, "451 later"),
        ("250 OK", ("ops@example.org",), Delivered, "refused ops@example.org"),
        ("250 OK", ("ops@example.org", "shop@example.org"), Unreached, "550 no such mailbox"),
    ],
)
def test_the_answer_of_the_server_is_that_of_the_sink(mail, received, reply, refused, kind, words):
    received.reply, received.refused = reply, frozenset(refused)
    answer = mail.send(make_message())
    assert isinstance(answer, kind)
    assert words in (answer.note if kind is Delivered else answer.reason)


@contextmanager
def silent_server():
    """A listener that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_says_nothing_is_given_up_at_the_time_limit(tmp_path):
    with silent_server() as port:
        fields = {"host": "127.0.0.1", "port": port, "timeout": 0.3, **ADDRESSES}
        answer = make_sink(tmp_path, type="smtp", **fields).send(make_message())
    assert isinstance(answer, Unreached)
    assert "127.0.0.1" in answer.reason


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, ["sinks.m: from is missing"]),
        ({"from": "a@b", "to": []}, ["sinks.m.to: expected a list with one text at least"]),
        ({"from": "a@b", "to": ["no address"]}, ["sinks.m.to: 'no address' is not one mail"]),
        ({"from": "a@b, c@d"}, ["sinks.m.from: 'a@b, c@d' is not one mail address"]),
        ({"from": ["a@b", "c@d"]}, ["sinks.m.from: a mail has one sender"]),
        ({"from": "a@b\nBcc: c@d"}, ["sinks.m.from: expected one printable line"]),
        ({"from": "a@b", "user": "u"}, ["sinks.m: password-file or password-env is missing"]),
        ({"from": "a@b", "password": "hunter2"}, ["sinks.m.password: a secret does not belong"]),
        ({"from": "a@b", "port": "25"}, ["sinks.m.port: expected a number from 1 to 65,535"]),
    ],
)
def test_a_wrong_setting_is_a_fault(tmp_path, settings, faults):
    document = {"type": "smtp", "host": "mail", "to": "ops@example.org", **settings}
    found = [str(fault) for fault in build_sinks({"m": document}, tmp_path, {}).faults]
    assert len(found) == len(faults)
    for fault, beginning in zip(found, faults, strict=True):
        assert fault.startswith(beginning)
        assert "hunter2" not in fault

"""Mails handed to a real SMTP server on loopback, and to a sendmail."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult

from sockfleet.core.errors import UsageError
from sockfleet.core.mail_delivery import (
    MailError,
    MessageRefusedError,
    PartlySentError,
    SmtpServer,
    parse_server,
    read_password,
    send_by_sendmail,
    send_by_smtp,
)
from tests.support.alerting.http_receiver import make_certificate
from tests.support.mail_server import Received, run_mail_server

PASSWORD = "correct horse"


def log_in(server, session, envelope, mechanism, data) -> AuthResult:
    is_right = (data.login, data.password) == (b"cron", PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def serve(received) -> Iterator:
    """Start the server; it takes the settings of aiosmtpd."""
    with ExitStack() as servers:
        yield lambda **settings: servers.enter_context(run_mail_server(received, **settings))


@pytest.fixture
def message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message.set_content("Ten hosts leak.\n.\nThe end.\n")
    return message


def tls_of(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def server(port: int, **fields) -> SmtpServer:
    return SmtpServer(**{"host": "localhost", "port": port, "user": None, "is_tls": False} | fields)


def test_a_server_here_may_lack_tls(serve, received, message):
    send_by_smtp(message, server(serve()), None)
    (content,) = received.contents
    assert b"Ten hosts leak.\r\n.\r\nThe end." in content


def test_the_login_goes_over_starttls_with_a_checked_certificate(
    serve, received, message, certificate, monkeypatch
):
    settings = {"authenticator": log_in, "auth_required": True}
    port = serve(tls_context=tls_of(certificate), require_starttls=True, **settings)
    known = server(port, user="cron")
    with pytest.raises(MailError, match="certificate") as refused:
        send_by_smtp(message, known, PASSWORD)
    assert PASSWORD not in str(refused.value)
    assert not received.contents
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    send_by_smtp(message, known, PASSWORD)
    assert received.was_tls == [True]
    with pytest.raises(MailError, match="535") as refused:
        send_by_smtp(message, known, "wrong horse")
    assert "wrong horse" not in str(refused.value)


def test_a_server_elsewhere_must_offer_tls(serve, received, message, monkeypatch):
    monkeypatch.setattr("sockfleet.core.mail_delivery.is_loopback", lambda host: False)
    with pytest.raises(MailError, match="offers no STARTTLS"):
        send_by_smtp(message, server(serve()), None)
    assert not received.contents


def test_a_refused_recipient_is_named(serve, received, message):
    received.refused = frozenset({"b@example.org"})
    with pytest.raises(MailError, match="550 no such mailbox"):
        send_by_smtp(message, server(serve()), None)
    del message["To"]
    message["To"] = "b@example.org, c@example.org"
    with pytest.raises(PartlySentError, match=r"refused b@example\.org; the others have the mail"):
        send_by_smtp(message, server(serve()), None)
    assert len(received.contents) == 1


@pytest.mark.parametrize(
    ("reply", "kind"), [("554 it is spam", MessageRefusedError), ("451 try later", MailError)]
)
def test_a_refused_message_is_told_from_one_that_may_pass_later(
    serve, received, message, reply, kind
):
    received.reply = reply
    with pytest.raises(MailError, match=reply) as refused:
        send_by_smtp(message, server(serve()), None)
    assert type(refused.value) is kind


def test_a_server_that_is_not_there_is_one_line(message):
    with pytest.raises(MailError, match="took no mail") as refused:
        send_by_smtp(message, server(1), None)
    assert "\n" not in str(refused.value)


def test_sendmail_gets_the_message(message, tmp_path, monkeypatch):
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/words\ncat >{tmp_path}/mail\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    send_by_sendmail(message)
    assert (tmp_path / "words").read_text() == "-i -t\n"
    assert (tmp_path / "mail").read_text().endswith("Ten hosts leak.\n.\nThe end.\n")
    program.write_text("#!/bin/sh\necho the queue is full >&2\nexit 75\n")
    with pytest.raises(MailError, match="exit 75"):
        send_by_sendmail(message)


@pytest.mark.parametrize(
    ("text", "port", "user", "is_tls"),
    [
        ("mail.example.org", 25, None, False),
        ("mail.example.org:2525", 2525, None, False),
        ("smtp://cron@mail.example.org", 587, "cron", False),
        ("smtps://cron%40example.org@mail.example.org", 465, "cron@example.org", True),
    ],
)
def test_a_url_names_the_server(text, port, user, is_tls):
    assert parse_server(text) == SmtpServer(
        host="mail.example.org", port=port, user=user, is_tls=is_tls
    )


@pytest.mark.parametrize("text", ["http://h", "smtp://", "smtp://h/x", "smtp://u:p@h", "h:port"])
def test_any_other_url_is_refused(text):
    with pytest.raises(UsageError, match="--smtp"):
        parse_server(text)


def test_the_password_is_the_first_line_of_a_file_or_the_environment(tmp_path):
    (tmp_path / "password").write_text(f"{PASSWORD}\nmore\n")
    assert read_password(str(tmp_path / "password"), {}) == PASSWORD
    assert read_password(None, {"SOCKFLEET_SMTP_PASSWORD": PASSWORD}) == PASSWORD
    with pytest.raises(UsageError, match="--smtp-password-file"):
        read_password(None, {})
    with pytest.raises(UsageError, match="No such file"):
        read_password(str(tmp_path / "none"), {})

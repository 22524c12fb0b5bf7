"""Requests to receivers that answer, hang, lie, redirect or flood."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.alerting.sinks.http_request import (
    Endpoint,
    HttpError,
    HttpSettings,
    parse_url,
)
from sockfleet.alerting.sinks.http_settings import judge_answer, read_http_settings
from sockfleet.alerting.sinks.secrets import Secret
from sockfleet.alerting.sinks.settings import SinkSettings
from sockfleet.alerting.sinks.sink import Delivered, Refused, Unreached
from sockfleet.core.errors import UsageError
from tests.support.alerting.http_receiver import Reply, make_certificate, run_receiver


def endpoint_of(url, *, timeout_s=60.0, secrets=(), **more):
    return Endpoint(Secret(url), HttpSettings(timeout_s=timeout_s, **more), secrets)


@contextmanager
def raw_server(serve):
    """A server on loopback whose connections a function serves, each on a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept)
    thread.start()
    threads.append(thread)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_post_arrives_with_its_headers(receiver):
    receiver.replies = [Reply(202, b"queued\r\n")]
    answer = endpoint_of(f"{receiver.url}/hook?a=b").request("POST", b"{}", {"X-A": "1"})
    assert (answer.status, answer.text, answer.retry_after_s) == (202, "queued", None)
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=b", b"{}")
    assert request.headers["X-A"] == "1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("sockfleet/")


def test_a_redirect_is_not_followed(receiver):
    receiver.replies = [Reply(302, headers={"Location": f"{receiver.url}/elsewhere"})]
    endpoint = endpoint_of(receiver.url)
    answer = judge_answer(endpoint, endpoint.request("POST", b"{}"))
    assert isinstance(answer, Unreached)
    assert "redirects are not followed" in answer.reason
    assert len(receiver.requests) == 1


def test_a_certificate_must_be_trusted(tls_receiver, certificate):
    with pytest.raises(HttpError, match="its certificate is not trusted: self-signed"):
        endpoint_of(tls_receiver.url).request("POST", b"{}")
    assert tls_receiver.requests == []
    trusting = endpoint_of(tls_receiver.url, ca_file=certificate[0])
    assert trusting.request("POST", b"{}").status == 200


def test_a_certificate_must_name_the_host(tmp_path):
    certificate = make_certificate(tmp_path, "DNS:elsewhere.example.org")
    with run_receiver(certificate) as receiver:
        endpoint = endpoint_of(receiver.url, ca_file=certificate[0])
        with pytest.raises(HttpError, match="not trusted: IP address mismatch"):
            endpoint.request("GET")
    assert receiver.requests == []


def test_a_receiver_that_is_not_there_is_one_sentence():
    with pytest.raises(HttpError) as failed:
        endpoint_of("http://127.0.0.1:1/secret-path").request("GET")
    assert str(failed.value) == "127.0.0.1:1: Connection refused"


def wait_for_end(connection):
    while connection.recv(4096):
        pass


def drip(connection):
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000:
        connection.sendall(bytes([byte]))
        if select_readable(connection):
            return


def select_readable(connection):
    import select

    connection.setblocking(False)
    readable, _, _ = select.select([connection], [], [], 0.02)
    connection.setblocking(True)
    return bool(readable) and not connection.recv(65536)


@pytest.mark.parametrize("serve", [wait_for_end, drip])
def test_one_time_limit_bounds_the_whole_request(serve):
    with raw_server(serve) as url, pytest.raises(HttpError, match=r"did not answer in 0\.3 s"):
        endpoint_of(url, timeout_s=0.3).request("POST", b"{}")


def test_a_name_lookup_that_hangs_is_bounded_too(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait() or [])
    try:
        with pytest.raises(HttpError, match="did not answer"):
            endpoint_of("http://localhost:9/", timeout_s=0.2).request("GET")
    finally:
        release.set()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "its answer is not HTTP"),
        (b"\xff\xfe\x00", "its answer is not HTTP"),
        (b"", "without an answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "its answer is not HTTP"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(data, problem):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        wait_for_end(connection)

    with raw_server(serve) as url, pytest.raises(HttpError) as failed:
        endpoint_of(url).request("POST", b"{}")
    assert problem in str(failed.value)
    assert str(failed.value).isprintable()


def test_an_answer_that_breaks_off_behind_its_status_counts_by_it():
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nab")
        connection.shutdown(socket.SHUT_WR)
        wait_for_end(connection)

    with raw_server(serve) as url:
        answer = endpoint_of(url).request("POST", b"{}")
    assert (answer.status, answer.text) == (202, "ab")


def test_an_answer_without_end_is_read_to_a_limit():
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 500 No\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with raw_server(serve) as url:
        answer = endpoint_of(url).request("POST", b"{}")
    assert answer.status == 500
    assert len(answer.text) == 200


def test_a_receiver_that_refuses_a_long_body_before_its_end_is_heard():
    def serve(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too long\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        wait_for_end(connection)

    with raw_server(serve) as url:
        endpoint = endpoint_of(url)
        answer = endpoint.request("POST", b"x" * 20_000_000)
    assert isinstance(judge_answer(endpoint, answer), Refused)


def test_no_message_shows_a_secret(receiver):
    receiver.usual = lambda request: Reply(500, b"bad token hunter2 at /s3cret of key k3y")
    endpoint = endpoint_of(
        f"{receiver.url}/s3cret",
        authorization=Secret("Bearer hunter2"),
        secrets=(Secret("k3y"), Secret("/s3cret")),
    )
    answer = judge_answer(endpoint, endpoint.request("POST", b"{}"))
    assert receiver.requests[0].headers["Authorization"] == "Bearer hunter2"
    assert answer.reason.endswith(" answered 500: bad token … at … of key …")
    assert "s3cret" not in str(endpoint)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Delivered) for status in (200, 201, 202, 204)),
        *((status, Refused) for status in (400, 410, 413, 422)),
        *((status, Unreached) for status in (301, 307, 401, 403, 404, 408, 425, 429, 500, 503)),
    ],
)
def test_a_status_says_whether_to_try_again(receiver, status, kind):
    receiver.replies = [Reply(status, headers={"Retry-After": "7"})]
    endpoint = endpoint_of(receiver.url)
    answer = judge_answer(endpoint, endpoint.request("POST", b"{}"))
    assert isinstance(answer, kind)
    if kind is Unreached:
        assert answer.after_s == 7


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("120", 120, 120),
        ("99999999999999999999", 86_400, 86_400),
        (format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True), 3600, 7200),
        (format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True), 0, 0),
        ("soon", None, None),
        ("-5", None, None),
        ("١٢", None, None),
    ],
    ids=["seconds", "too many", "date", "past date", "word", "negative", "other digits"],
)
def test_retry_after_is_seconds_or_a_date(receiver, text, least, most):
    receiver.replies = [Reply(503, headers={"Retry-After": text.encode().decode("latin-1")})]
    found = endpoint_of(receiver.url).request("GET").retry_after_s
    assert (found is None) if least is None else least <= found <= most


@pytest.mark.parametrize(
    "url",
    [
        *("https://hooks.example.org/a?b=c", "http://127.0.0.1:9093", "http://localhost/"),
        *("http://[::1]:9093/x", "http://127.9.9.9/"),
    ],
)
def test_https_or_this_machine_is_taken(url):
    parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "example.org", "https://", "https://u@h/"),
        *("https://u:hunter2@h/", "https://h/#x", "https://h:99999/", "https://h/\u00e9", ""),
        *("https://h/a b", "https://[::1/", "http://localhost.example.org/", "https://h:0/"),
    ],
)
def test_any_other_url_is_refused_and_not_shown(url):
    with pytest.raises(UsageError) as refused:
        parse_url(url)
    assert "hunter2" not in str(refused.value)


@given(st.text())
def test_no_url_raises_anything_else(text):
    try:
        parse_url(text)
    except UsageError as error:
        assert str(error).isprintable()


def http_settings(tmp_path, **values):
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(0o600)
    settings = SinkSettings("s", {k.replace("_", "-"): v for k, v in values.items()}, tmp_path)
    found = read_http_settings(settings)
    settings.note_unknown_keys()
    return found, [str(fault) for fault in settings.faults]


def test_a_token_or_a_user_with_a_password_goes_into_the_header(tmp_path):
    found, faults = http_settings(tmp_path, token_file="secret")
    assert (found.authorization.reveal(), faults) == ("Bearer hunter2", [])
    found, faults = http_settings(tmp_path, user="me", password_file="secret")
    assert (found.authorization.reveal(), faults) == ("Basic bWU6aHVudGVyMg==", [])


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"user": "me"}, "password-file or password-env is missing"),
        ({"password_file": "secret"}, "a password needs a user"),
        ({"token_file": "secret", "user": "me", "password_file": "secret"}, "not both"),
        ({"password": "hunter2", "user": "me"}, "a secret does not belong in this file"),
        ({"ca_file": "none.pem"}, "there is no file "),
        ({"proxy": "socks5://p:1"}, "expected http://HOST:PORT"),
        ({"proxy": "http://u:hunter2@p:1"}, "expected http://HOST:PORT"),
        ({"proxy": 3128}, "expected http://HOST:PORT"),
        ({"timeout": 0}, "expected more than 0"),
        ({"time_out": 3}, "did you mean timeout?"),
    ],
)
def test_a_wrong_setting_is_a_fault(tmp_path, values, problem):
    _, faults = http_settings(tmp_path, **values)
    assert len(faults) == 1
    assert problem in faults[0]
    assert "hunter2" not in faults[0]


def test_a_proxy_connects_to_https(tls_receiver, certificate):
    """The proxy sees the name of the receiver and nothing of the request."""
    seen = []
    port = int(tls_receiver.url.rsplit(":", 1)[1])

    def serve(connection):
        with connection.makefile("rb") as stream:
            seen.extend(iter(stream.readline, b"\r\n"))
        with socket.create_connection(("127.0.0.1", port)) as there:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=copy, args=(there, connection))
            back.start()
            copy(connection, there)
            back.join()

    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    with raw_server(serve) as proxy:
        endpoint = endpoint_of(tls_receiver.url, ca_file=certificate[0], proxy=proxy)
        assert endpoint.request("POST", b"{}").status == 200
    assert seen[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1".encode())

"""One HTTP request to a receiver: bounded in time and bytes, and without redirects.

requests and httpx are no dependencies of ours, and urllib.request follows redirects, takes proxies
from the environment and has a time limit for each read only. So this stands on http.client.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from ...core.errors import UsageError
from ...core.loopback import is_loopback
from ...core.record import record
from ...core.text import clean, endpoint
from ...core.version import VERSION
from .secrets import Secret
from .time_limit import run_within

__all__ = ["Endpoint", "HttpAnswer", "HttpError", "HttpSettings", "parse_url"]

_MOST_ANSWER = 64 * 1024
_MOST_AFTER_S = 86_400.0


class HttpError(Exception):
    """There is no whole answer; the text says why and holds no secret."""


@record
class HttpSettings:
    """How a receiver is reached."""

    timeout_s: float
    """For the whole request, from the name lookup to the last byte of the answer."""
    ca_file: Path | None = None
    """The certificates to trust instead of those of the system."""
    authorization: Secret | None = None
    """The value of the header of that name."""
    proxy: str | None = None
    """``http://HOST:PORT`` of a proxy that connects to https by CONNECT."""


@record
class HttpAnswer:
    """What the receiver answered."""

    status: int
    text: str
    """The begin of the body as one printable line."""
    retry_after_s: float | None
    """None where it does not say."""


def parse_url(text: str, *, may_be_plain: bool = False) -> None:
    """Check a URL; raises UsageError, whose text does not show it, as its path may be a secret.

    It is https, or http to this machine; ``may_be_plain``: http to any.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise UsageError("it is not a URL: its host or port cannot be read") from error
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        raise UsageError("expected a URL, https://HOST[:PORT][/PATH]")
    if url.username is not None or url.password is not None:
        raise UsageError("a user or a password does not belong in a URL")
    if url.fragment or not text.isascii() or " " in text:
        raise UsageError("a URL has ASCII characters only, no blank and no #")
    if url.scheme == "http" and not may_be_plain and not is_loopback(url.hostname):
        raise UsageError("expected https: others could read http, unless it goes to this machine")


class Endpoint:
    """One URL of a receiver. Safe to use from several threads, as it keeps no connection."""

    def __init__(
        self, url: Secret, settings: HttpSettings, secrets: tuple[Secret, ...] = ()
    ) -> None:
        """``url``: checked by `parse_url`. ``secrets``: what an answer must not show either."""
        parts = urlsplit(url.reveal())
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._is_tls else 80)
        self._path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        self._settings = settings
        # A receiver that knows no such path names the path.
        paths = (self._path, parts.path) if parts.path.strip("/") else ()
        self._secrets = (*(each.reveal() for each in (url, *secrets)), *paths)
        if settings.authorization is not None:
            self._secrets += tuple(settings.authorization.reveal().split()[-1:])

    def __str__(self) -> str:
        """The host and port only: a path may be a secret."""
        return endpoint(self._host, self._port)

    def request(
        self, method: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Send one request and return its answer, whatever its status; raises HttpError."""
        connection = self._make_connection()
        opened: list[socket.socket] = []
        try:
            return run_within(
                self._settings.timeout_s,
                f"request to {self}",
                lambda: self._exchange(connection, opened, method, body, dict(headers or {})),
            )
        except TimeoutError:
            raise HttpError(f"{self} did not answer in {self._settings.timeout_s:g} s") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise HttpError(f"{self}: {_describe(error)}") from error
        finally:
            for each in opened:
                _shut_down(each)

    def _make_connection(self) -> http.client.HTTPConnection:
        settings = self._settings
        if not self._is_tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=settings.timeout_s)
        try:
            context = ssl.create_default_context(
                cafile=None if settings.ca_file is None else str(settings.ca_file)
            )
        except OSError as error:
            raise HttpError(f"ca-file {settings.ca_file}: {_describe(error)}") from error
        if settings.proxy is None:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=settings.timeout_s, context=context
            )
        proxy = urlsplit(settings.proxy)
        connection = http.client.HTTPSConnection(
            proxy.hostname or "", proxy.port or 3128, timeout=settings.timeout_s, context=context
        )
        connection.set_tunnel(self._host, self._port)
        return connection

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        opened: list[socket.socket],
        method: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> HttpAnswer:
        """Run on the thread; it adds the socket to ``opened``, for the end of the time limit."""
        headers |= {"User-Agent": f"sockfleet/{VERSION}", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._settings.authorization is not None:
            headers["Authorization"] = self._settings.authorization.reveal()
        with closing(connection):
            connection.connect()
            opened.append(connection.sock)
            with suppress(BrokenPipeError, ConnectionResetError):
                # A receiver that refuses a long body answers and closes before it has read all.
                connection.request(method, self._path, body, headers)
            with closing(connection.getresponse()) as response:
                text = clean(response.read(_MOST_ANSWER))
                after_s = _read_retry_after(response.headers.get("Retry-After", ""))
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return HttpAnswer(status=response.status, text=text, retry_after_s=after_s)


def _shut_down(connected: socket.socket) -> None:
    """End what a thread waits for; the thread closes the socket itself."""
    with suppress(OSError):
        # Not that of ssl.SSLSocket, which takes the TLS state from the thread that uses it.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _read_retry_after(text: str) -> float | None:
    """Seconds of the header Retry-After, which has seconds or a date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MOST_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _MOST_AFTER_S)


def _describe(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {clean(error.verify_message)}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {clean(error.reason or str(error))}"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(error, OSError):
        return clean(error.strerror or str(error) or type(error).__name__)
    return f"its answer is not HTTP: {clean(str(error) or type(error).__name__)}"

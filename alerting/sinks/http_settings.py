"""The settings that all receivers over HTTP share, and what their answers mean."""

from __future__ import annotations

import base64
from contextlib import suppress
from urllib.parse import urlsplit

from ...core.errors import UsageError
from ...core.text import quote
from .http_request import HttpAnswer, HttpSettings, parse_url
from .secrets import Secret
from .settings import UNREAD, SinkSettings
from .sink import Answer, Delivered, Refused, Unreached

__all__ = ["judge_answer", "read_http_settings", "read_url", "read_urls"]

_NO_URL = "https://missing.invalid/"
_TIMEOUT_S = 10.0
_MOST_S = 120.0
# What is wrong with this message, whatever is tried: 410 is Standard Webhooks' "stop". Others of
# 400 to 499 are faults of the settings (401, 403, 404, 407), which a user mends: the message waits.
_REFUSED = frozenset({400, 405, 406, 409, 410, 411, 413, 414, 415, 422, 431})


def judge_answer(receiver: object, answer: HttpAnswer) -> Answer:
    """What an answer means: 2xx delivered, a fault of the message refused, else tried again."""
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    said = f"{receiver} answered {status}{f': {answer.text}' if answer.text else ''}"
    if status in _REFUSED:
        return Refused(reason=said)
    if 300 <= status < 400:
        said = f"{receiver} answered {status}: redirects are not followed; name the URL it leads to"
    return Unreached(reason=said, after_s=answer.retry_after_s)


def read_http_settings(settings: SinkSettings) -> HttpSettings:
    """Read ``timeout``, ``ca-file``, ``proxy``, and a token or a user and its password."""
    ca_file = settings.file("ca-file")
    if ca_file is not None and not ca_file.is_file():
        settings.add_fault(f"there is no file {ca_file}", "ca-file")
    return HttpSettings(
        timeout_s=settings.seconds("timeout", _TIMEOUT_S, most=_MOST_S),
        ca_file=ca_file,
        proxy=settings.read("proxy", _check_proxy, "", "") or None,
        authorization=_read_authorization(settings),
    )


def read_urls(settings: SinkSettings, *, may_be_plain: bool) -> tuple[str, ...]:
    """The URLs of ``urls``, each once: a list, or a single one."""
    urls = tuple(dict.fromkeys(settings.texts("urls")))
    for url in urls:
        _check_url(settings, "urls", url, may_be_plain=may_be_plain, otherwise="allow-http: true")
    return urls


def read_url(settings: SinkSettings, default: str | None = None) -> Secret:
    """A URL that is a secret for some receivers: ``url`` itself, ``url-file`` or ``url-env``."""
    found = settings.secret("url", required=default is None, open_too=True)
    if found is None:
        return Secret(default or _NO_URL)
    if found is not UNREAD and found.reveal():
        _check_url(settings, "url", found.reveal())
    return found


def _check_url(
    settings: SinkSettings,
    key: str,
    url: str,
    *,
    may_be_plain: bool = False,
    otherwise: str | None = None,
) -> None:
    """Note a fault; ``otherwise``: the setting that takes http."""
    try:
        parse_url(url, may_be_plain=may_be_plain)
    except UsageError as error:
        hint = ""
        if otherwise is not None:
            with suppress(UsageError):
                parse_url(url, may_be_plain=True)
                hint = f" ({otherwise} takes it)"
        settings.add_fault(f"{error}{hint}", key)


def _check_proxy(value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"expected http://HOST:PORT, found {quote(value)}")
    try:
        url = urlsplit(value)
        has_port = url.port is not None
    except ValueError as error:
        raise UsageError(f"expected http://HOST:PORT, found {quote(value)}") from error
    is_bare = url.path in ("", "/") and url.username is None and not url.query
    if url.scheme != "http" or not url.hostname or not has_port or not is_bare:
        raise UsageError("expected http://HOST:PORT without a user")
    return value


def _read_authorization(settings: SinkSettings) -> Secret | None:
    token = settings.secret("token", required=False)
    user = settings.optional_text("user")
    password = settings.secret("password", required=user is not None)
    if token is not None and user is not None:
        settings.add_fault("give a token or a user, not both", "user")
    if password is not None and user is None:
        settings.add_fault("a password needs a user")
    if token is not None:
        return Secret(f"Bearer {token.reveal()}")
    if user is None or password is None:
        return None
    pair = base64.b64encode(f"{user}:{password.reveal()}".encode())
    return Secret(f"Basic {pair.decode()}")

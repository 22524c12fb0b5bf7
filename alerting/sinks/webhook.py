"""A webhook that is signed as Standard Webhooks says.

    hook: {type: webhook, url: https://hooks.example.org/x, secret-file: hook.key}

The headers are ``webhook-id`` (the same at each try), ``webhook-timestamp`` and
``webhook-signature``: HMAC-SHA256 of ``ID.TIMESTAMP.BODY``, one for each of two secrets while they
rotate (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time

from ...core.errors import UsageError
from ...core.record import record
from ..notification import Message
from ..notification_document import encode_message
from .http_request import Endpoint, HttpError
from .http_settings import judge_answer, read_http_settings, read_url
from .identity import make_delivery_id
from .registry import Notifier
from .secrets import Secret
from .settings import UNREAD, SinkSettings
from .sink import Answer, Unreached

__all__ = ["NOTIFIER", "WebhookSettings", "WebhookSink", "sign"]

_PREFIX = "whsec_"
_SHORTEST_KEY, _LONGEST_KEY = 24, 64
"""Bytes, as the specification wants them."""
_MOST_BYTES = 512 * 1024
"""Half of what nginx takes by default (client_max_body_size)."""


@record
class WebhookSettings:
    """Where the message goes, and the keys that sign it."""

    endpoint: Endpoint
    keys: tuple[bytes, ...]
    """The new one first, behind it the old one while they rotate; none: not signed."""
    most_bytes: int

    def __repr__(self) -> str:
        return f"WebhookSettings({self.endpoint})"


class WebhookSink:
    """A sink that posts the JSON document of each message."""

    repeats_all = False
    most_alerts = 1_000_000

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        self.name = name
        self._settings = settings

    def send(self, message: Message) -> Answer:
        """Post the document; the signature is of this moment, the identity of all tries."""
        endpoint = self._settings.endpoint
        body = encode_message(message, most_bytes=self._settings.most_bytes)
        identity = make_delivery_id(message)
        seconds = int(time.time())
        headers = {"webhook-id": identity, "webhook-timestamp": str(seconds)}
        if self._settings.keys:
            signatures = (sign(key, identity, seconds, body) for key in self._settings.keys)
            headers["webhook-signature"] = " ".join(signatures)
        try:
            answer = endpoint.request("POST", body, headers)
        except HttpError as error:
            return Unreached(reason=str(error))
        return judge_answer(endpoint, answer)


def sign(key: bytes, identity: str, seconds: int, body: bytes) -> str:
    """The signature of one key, with its version."""
    signed = b".".join((identity.encode(), str(seconds).encode(), body))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _read_key(settings: SinkSettings, name: str, *, required: bool) -> tuple[bytes, ...]:
    secret = settings.secret(name, required=required)
    if secret is None or secret is UNREAD:
        return ()
    try:
        return (_decode(secret),)
    except UsageError as error:
        settings.add_fault(str(error))
        return ()


def _decode(secret: Secret) -> bytes:
    wrong = UsageError(
        f"a webhook's secret is {_PREFIX} and {_SHORTEST_KEY} to {_LONGEST_KEY} bytes in base64: "
        f"make one by  echo {_PREFIX}$(openssl rand -base64 32)"
    )
    try:
        text = secret.reveal().removeprefix(_PREFIX)
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise wrong from None
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise wrong
    return key


def _build(settings: SinkSettings) -> WebhookSink:
    url = read_url(settings)
    http = read_http_settings(settings)
    is_signed = not settings.switch("unsigned")
    keys = _read_key(settings, "secret", required=is_signed)
    old = _read_key(settings, "old-secret", required=False)
    if not is_signed and (keys or old):
        settings.add_fault("a secret is given, so the messages are signed", "unsigned")
    most = settings.number("most-bytes", _MOST_BYTES, least=4096, most=64 * 1024 * 1024)
    return WebhookSink(
        settings.name,
        WebhookSettings(endpoint=Endpoint(url, http), keys=keys + old, most_bytes=most),
    )


NOTIFIER = Notifier(build=_build)

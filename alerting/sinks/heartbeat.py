"""A service that raises the alarm where no ping arrives: Healthchecks, Dead Man's Snitch.

    alive: {type: heartbeat, url-file: healthchecks.url}

It gets ``URL/start`` when an evaluation begins, ``URL`` when it is complete, ``URL/fail`` when it
failed, and nothing of what was found. A service that knows only the ping of a complete evaluation
wants ``only-success: true``.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from ...core.record import record
from .http_request import Endpoint, HttpError
from .http_settings import judge_answer, read_http_settings, read_url
from .registry import Notifier
from .secrets import Secret
from .settings import SinkSettings
from .sink import Answer, Delivered, Ping, Unreached

__all__ = ["NOTIFIER", "HeartbeatPinger", "HeartbeatSettings"]


@record
class HeartbeatSettings:
    """Where each ping goes; a ping that is not there is not sent."""

    endpoints: dict[Ping, Endpoint]


class HeartbeatPinger:
    """One check at such a service."""

    def __init__(self, name: str, settings: HeartbeatSettings) -> None:
        self.name = name
        self._settings = settings

    def ping(self, ping: Ping) -> Answer:
        """Send one ping; one that the service does not know is delivered without being sent."""
        endpoint = self._settings.endpoints.get(ping)
        if endpoint is None:
            return Delivered()
        try:
            answer = endpoint.request("GET")
        except HttpError as error:
            return Unreached(reason=str(error))
        return judge_answer(endpoint, answer)


def _append(url: Secret, word: str) -> Secret:
    """The URL with one more part of its path, before its query."""
    parts = urlsplit(url.reveal())
    return Secret(urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{word}")))


def _build(settings: SinkSettings) -> HeartbeatPinger:
    url = read_url(settings)
    http = read_http_settings(settings)
    urls = {Ping.SUCCESS: url}
    if not settings.switch("only-success"):
        urls |= {Ping.START: _append(url, "start"), Ping.FAIL: _append(url, "fail")}
    endpoints = {ping: Endpoint(each, http, (url,)) for ping, each in urls.items()}
    return HeartbeatPinger(settings.name, HeartbeatSettings(endpoints=endpoints))


NOTIFIER = Notifier(build=_build)

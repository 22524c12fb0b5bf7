"""One of the many receivers that Apprise knows (extra ``apprise``).

    chat: {type: apprise, url-file: slack.url}

One URL for each sink: of two receivers in one sink, one that is down would either lose the message
or repeat it to the other.
"""

from __future__ import annotations

import html
import logging
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...core.errors import UsageError
from ...core.record import record
from ...core.text import clean
from ..message_text import cut, fit_text, headline, severity_of
from ..notification import Message, Severity
from .registry import Notifier
from .secrets import Secret
from .settings import UNREAD, SinkSettings
from .sink import Answer, Delivered, Unreached
from .time_limit import run_within

if TYPE_CHECKING:
    from apprise import NotifyBase

__all__ = ["NOTIFIER", "AppriseSettings", "AppriseSink"]

_TIMEOUT_S = 30.0
_MOST_S = 300.0
_LONGEST_TITLE = 250
_LEAST_BODY = 20
_LONGEST_SCHEME = 20
_TITLE_MARKUP = 40
"""Characters around a title within a body, at a receiver that has no titles."""


@record
class AppriseSettings:
    """The receiver, as Apprise made it of its URL."""

    server: NotifyBase | None
    """None where secrets are not read: such a sink sends nothing."""
    timeout_s: float

    def __repr__(self) -> str:
        return f"AppriseSettings({self.server and self.server.service_name})"


class AppriseSink:
    """A sink of one Apprise URL."""

    repeats_all = False
    most_alerts = 1_000_000

    def __init__(self, name: str, settings: AppriseSettings) -> None:
        self.name = name
        self._settings = settings

    def send(self, message: Message) -> Answer:
        """Notify; the text is cut to the receiver's limit before Apprise would cut it."""
        settings, server = self._settings, self._settings.server
        assert server is not None  # noqa: S101 (nothing is sent where secrets are not read)
        service = clean(str(server.service_name))
        title, body = _write(message, server)
        kind = _choose_kind(message)
        try:
            took = run_within(
                settings.timeout_s,
                f"notification of {self.name}",
                lambda: server.notify(body=body, title=title, notify_type=kind, body_format="text"),
            )
        except TimeoutError as error:
            return Unreached(reason=f"{service}: {error}")
        except Exception as error:  # a plugin may raise anything, and the text may hold the URL
            return Unreached(reason=f"{service}: Apprise raised {type(error).__name__}")
        return Delivered() if took else Unreached(reason=f"{service} took no notification")


def _write(message: Message, server: NotifyBase) -> tuple[str, str]:
    """The title and the text, within the limits of the receiver."""
    longest = server.title_maxlen or _LONGEST_TITLE
    title = cut(headline(message), min(longest, _LONGEST_TITLE))
    limit = int(server.body_maxlen)
    if server.title_maxlen <= 0:
        limit -= _measure(title) + _TITLE_MARKUP
    return title, fit_text(message, max(limit, _LEAST_BODY), measure=_measure)


def _measure(text: str) -> int:
    """The length of a text at a receiver that wants it as HTML, which is the longest form."""
    return len(html.escape(text)) + text.count("\n") * len("<br />\r")


def _choose_kind(message: Message) -> str:
    firing = [alert for alert in message.alerts if not alert.event.is_over]
    if not firing:
        return "success"
    return "failure" if severity_of(firing) is Severity.CRITICAL else "warning"


def _make_server(url: Secret) -> NotifyBase:
    """The receiver of a URL; raises UsageError, whose text does not show it."""
    # The first URL imports all its plugins, one of which imports a module that Python 3.13 removes.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return _load_server(url)


def _load_server(url: Secret) -> NotifyBase:
    import apprise

    # Its messages may quote a URL, and would be on stderr where no handler takes them.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    servers = apprise.Apprise()
    if not servers.add(url.reveal()):
        scheme, separator, _ = url.reveal().partition("://")
        is_scheme = separator and scheme.isalnum() and len(scheme) < _LONGEST_SCHEME
        named = f" (it begins with {scheme}://)" if is_scheme else ""
        raise UsageError(f"Apprise knows no such URL{named}")
    if len(servers) != 1:
        raise UsageError("expected one URL; make a sink for each")
    return servers[0]


def _build(settings: SinkSettings) -> AppriseSink:
    url = settings.secret("url")
    timeout_s = settings.seconds("timeout", _TIMEOUT_S, most=_MOST_S)
    server = None
    if find_spec("apprise") is None:
        settings.add_fault("Apprise is not installed: pip install 'sockfleet[apprise]'", "type")
    elif url is not None and url is not UNREAD:
        try:
            server = _make_server(url)
        except UsageError as error:
            settings.add_fault(str(error))
    return AppriseSink(settings.name, AppriseSettings(server=server, timeout_s=timeout_s))


NOTIFIER = Notifier(build=_build)

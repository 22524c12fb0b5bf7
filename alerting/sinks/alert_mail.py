"""A notification as a mail: text first, a table for mail programs, a thread for each incident."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.mail_message import DOMAIN, load_mail_template, start_message
from ...core.text import clean
from ..message_text import (
    describe_holders,
    describe_time,
    list_facts,
    split_headline,
    word_for,
    write_text,
)
from ..notification import Alert, Event, Message, Severity
from .identity import hash_text, make_incident_id

if TYPE_CHECKING:  # its import takes time
    from jinja2 import Template

__all__ = ["make_alert_mail"]

_SUBJECT_LIMIT = 150
_MOST_ROWS = 20
_MOST_THREADS = 10


def make_alert_mail(
    message: Message, sink: str, *, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    """Return the whole mail; its Message-ID is the same at each try.

    Raises ValueError for an address that is none.
    """
    emphasis, rest = split_headline(message)
    mail = start_message(
        sender=sender,
        recipients=recipients,
        subject=clean(f"[sockfleet] {emphasis} {rest}", limit=_SUBJECT_LIMIT),
        message_id=_message_id(message.id),
    )
    threads = list(dict.fromkeys(_find_threads(message.alerts, sink)))
    mail["References"] = " ".join(threads)
    mail["In-Reply-To"] = threads[-1]
    mail["List-Id"] = f"<alerts.{DOMAIN}>"
    mail.set_content(write_text(message, most_alerts=_MOST_ROWS), cte="quoted-printable")
    mail.add_alternative(_render(message), subtype="html", cte="quoted-printable")
    return mail


def _find_threads(alerts: Sequence[Alert], sink: str) -> Iterator[str]:
    """The mails that this one belongs to, the nearest last.

    Each incident is a thread below an identity that no mail has: the mail about a storm and those
    about its hosts know no identity of each other, and mail programs thread by a missing one too
    (RFC 5256, REFERENCES). A single alert also names the mail that told of its firing.
    """
    for alert in alerts[:_MOST_THREADS]:
        yield _message_id(f"incident|{make_incident_id(alert, sink)}")
    if len(alerts) == 1 and alerts[0].event is not Event.FIRING:
        yield _message_id(f"{alerts[0].key}|{Event.FIRING}|{sink}")


def _message_id(identity: str) -> str:
    return f"<{hash_text(identity)}@{DOMAIN}>"


def _render(message: Message) -> str:
    emphasis, rest = split_headline(message)
    shown = message.alerts[:_MOST_ROWS]
    is_single = len(message.alerts) == 1
    return _template().render(
        emphasis=emphasis,
        rest=f" {rest}",
        is_bad=any(not alert.event.is_over for alert in shown),
        facts=list(list_facts(shown[0])) if is_single else [],
        rows=[] if is_single else [_row(alert) for alert in shown],
        has_holders=any(alert.holders for alert in shown),
        more=len(message.alerts) - len(shown),
        source=message.source,
    )


def _row(alert: Alert) -> dict[str, object]:
    return {
        "subject": alert.subject.name,
        "word": word_for(alert),
        "is_bad": alert.severity is Severity.CRITICAL and not alert.event.is_over,
        "summary": alert.summary,
        "time": describe_time(alert),
        "holders": describe_holders(alert.holders, most=1),
    }


@cache
def _template() -> Template:
    return load_mail_template(
        Path(__file__).with_name("alert_mail.html.j2"), count=lambda number: f"{number:,}"
    )

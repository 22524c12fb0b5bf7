"""What all mails share: the header, and templates in one look.

jinja2 is imported with the first template, as a command without a mail needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING

from .jinja_text import escape_text

if TYPE_CHECKING:  # its import takes time
    from jinja2 import Template

__all__ = ["DOMAIN", "load_mail_template", "start_message"]

DOMAIN = "sockfleet.invalid"
"""The domain of a Message-ID: that of the machine is no business of the recipients."""


def start_message(
    *, sender: str, recipients: Sequence[str], subject: str, message_id: str | None = None
) -> EmailMessage:
    """Return a message with its header and without content.

    ``subject`` is one line of printable characters, ``message_id`` is with its brackets; None: a
    new one. Raises ValueError for an address that is none.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id or make_msgid(domain=DOMAIN)
    # No out-of-office reply comes back (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    return message


def load_mail_template(file: Path, **filters: Callable[..., object]) -> Template:
    """Load a template that may extend mail_layout.html.j2 and import mail_look.html.j2."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([file.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=escape_text,
        trim_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(file.name)

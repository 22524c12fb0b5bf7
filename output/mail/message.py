"""A report as a mail: text first, a table for mail programs, the page attached."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from jinja2 import Template

from ...core.mail_message import load_mail_template, start_message
from ...core.text import clean
from ...history.report.model import FleetReport
from ..formats import RenderOptions
from ..report_lists import list_changes
from ..report_sentences import (
    format_count,
    format_forecast,
    format_news,
    format_period,
    format_rate,
    format_time,
    verdict,
    verdict_details,
)
from ..text.over_time.report_text import render_text
from ..text.over_time.sparkline import sparkline

__all__ = ["make_message"]

_WIDTH = 76
_MOST_ROWS = 20
_MOST_LISTED = 10
_COURSE_WIDTH = 16
_SUBJECT_LIMIT = 150


def make_message(
    report: FleetReport, page: bytes, *, sender: str, recipients: tuple[str, ...]
) -> EmailMessage:
    """Return the whole message; ``page`` is the report as HTML.

    Raises ValueError for an address that is none.
    """
    emphasis, rest = verdict(report)
    message = start_message(
        sender=sender, recipients=recipients, subject=_subject(report, emphasis + rest)
    )
    options = RenderOptions(width=_WIDTH, is_terminal=True, top=_MOST_ROWS)
    message.set_content(render_text(report, options).decode(), cte="quoted-printable")
    table = _template().render(
        report=report,
        emphasis=emphasis,
        rest=rest,
        details=verdict_details(report),
        leaks=report.leaks[:_MOST_ROWS],
        more=max(0, len(report.leaks) - _MOST_ROWS),
        changes=list(list_changes(report, _MOST_LISTED)),
        period=format_period(report),
    )
    message.add_alternative(table, subtype="html", cte="quoted-printable")
    day = datetime.fromtimestamp(report.until).astimezone()
    message.add_attachment(
        page, maintype="text", subtype="html", filename=f"sockfleet-{day:%Y-%m-%d}.html"
    )
    return message


def _subject(report: FleetReport, sentence: str) -> str:
    """The verdict, then what of it is new; a header has one line of printable characters."""
    first = re.split(r"(?<=\.) ", sentence)[0].rstrip(".")
    news = f" ({format_news(report)})" if report.leaks else ""
    made = "Demonstration: " if report.is_made else ""
    return clean(f"[sockfleet] {made}{first}{news} - {report.title}", limit=_SUBJECT_LIMIT)


@cache
def _template() -> Template:
    return load_mail_template(
        Path(__file__).with_name("mail.html.j2"),
        count=format_count,
        rate=format_rate,
        when=format_time,
        forecast=format_forecast,
        course=lambda course: sparkline(course, _COURSE_WIDTH).replace(" ", "\u2007"),
    )

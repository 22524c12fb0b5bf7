"""The outputs of ``sockfleet report``: checked first, written last."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from ...core.mail_delivery import (
    parse_server,
    read_password,
    send_by_sendmail,
    send_by_smtp,
)
from ...history.report.model import FleetReport
from ...output.atomic_file import replace_whole
from ...output.html.page import render_page
from ...output.machine.history_documents import write_document
from ...output.machine.report_document import report_document
from ...output.mail.message import make_message
from ...output.text.over_time.report_markdown import render_markdown
from ...output.text.over_time.report_text import render_text
from ..console import streams, terminal
from .output_files import check_writable, parse_mode

__all__ = ["ReportOutputs"]

_FILES = ("html", "markdown", "mail")
_MODE = 0o600
"""Other users of the machine may not read names of hosts, users and processes."""


class ReportOutputs:
    """Where a report goes. Raises UsageError at once for what cannot be written or sent."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._mode = parse_mode(given["mode"])
        self._files = {name: Path(given[name]) for name in _FILES if given[name]}
        for name, path in self._files.items():
            check_writable(f"--{name} {path}", path)
        self._server = None if given["smtp"] is None else parse_server(given["smtp"])
        self._password: str | None = None
        if given["send"] and self._server is not None and self._server.user is not None:
            self._password = read_password(given["smtp_password_file"])
        self.mails = bool(given["send"] or given["mail"])
        """Whether the report becomes a mail."""
        if self.mails and not (given["mail_to"] and given["mail_from"]):
            raise UsageError("a mail needs --mail-to and --mail-from")

    def write_page(self, report: FleetReport) -> None:
        """Write the files that people open: they are written at every run."""
        if "html" in self._files:
            self._replace("html", render_page(report))
        if "markdown" in self._files:
            self._replace("markdown", render_markdown(report))

    def print(self, report: FleetReport) -> None:
        """Print the report, unless it goes to files or mails alone."""
        shown = self._given["report_format"]
        if shown == "json":
            streams.write(write_document(report_document(report)))
        elif shown or not (self._files or self._given["send"]):
            options = terminal.render_options(self._given["color"], top=self._given["top"])
            streams.write(render_text(report, options))

    def mail(self, report: FleetReport) -> None:
        """Write or send the mail; raises MailError and WriteError."""
        message = self._message(report)
        if "mail" in self._files:
            self._replace("mail", bytes(message))
        if not self._given["send"]:
            return
        if self._server is None:
            send_by_sendmail(message)
        else:
            send_by_smtp(message, self._server, self._password)

    def _message(self, report: FleetReport) -> EmailMessage:
        try:
            return make_message(
                report,
                render_page(report),
                sender=self._given["mail_from"],
                recipients=tuple(self._given["mail_to"]),
            )
        except ValueError as error:
            raise UsageError(f"--mail-to, --mail-from: {error}") from error

    def _replace(self, name: str, data: bytes) -> None:
        replace_whole(self._files[name], data, new_mode=_MODE, mode=self._mode)

"""Hand a mail to an SMTP server, or to the machine's own sendmail."""

from __future__ import annotations

import os
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import SockfleetError, UsageError
from .exit_codes import Exit
from .loopback import is_loopback
from .record import record
from .text import clean

__all__ = [
    "MailError",
    "MessageRefusedError",
    "PartlySentError",
    "SmtpServer",
    "parse_server",
    "read_password",
    "send_by_sendmail",
    "send_by_smtp",
]

_TIMEOUT_S = 30.0
_PORTS = {"smtp": 25, "smtps": 465}
_SUBMISSION = 587
_PERMANENT = 500
_PASSWORD = "SOCKFLEET_SMTP_PASSWORD"  # noqa: S105 (the name of a variable)


class MailError(SockfleetError):
    """A mail could not be handed over; it was not sent, or not to all."""

    exit_code = Exit.LOCAL


class MessageRefusedError(MailError):
    """The server knows the recipients and refused the message; it would again."""


class PartlySentError(MailError):
    """The server refused some recipients; the others have the mail."""


@record
class SmtpServer:
    """Where mails go, and as whom."""

    host: str
    port: int
    user: str | None
    """None: without a login."""
    is_tls: bool
    """Whether TLS begins at once; else by STARTTLS, which only this machine may lack."""


def parse_server(text: str) -> SmtpServer:
    """Read ``smtp[s]://[USER@]HOST[:PORT]``, or ``HOST[:PORT]``; raises UsageError.

    The usual port of a login is 587, of ``smtps`` 465, else 25.
    """
    try:
        url = urlsplit(text if "://" in text else f"smtp://{text}")
        port = url.port
    except ValueError as error:
        raise UsageError(f"--smtp {text}: {error}") from error
    if url.scheme not in _PORTS or not url.hostname or url.path not in ("", "/") or url.query:
        raise UsageError(f"--smtp {text}: expected smtp://[USER@]HOST[:PORT] or smtps://...")
    if url.password is not None:
        raise UsageError(
            f"--smtp: a password does not belong here, where other users can read it; use "
            f"--smtp-password-file or {_PASSWORD}"
        )
    user = None if url.username is None else unquote(url.username)
    usual = _SUBMISSION if url.scheme == "smtp" and user else _PORTS[url.scheme]
    return SmtpServer(
        host=url.hostname, port=port or usual, user=user, is_tls=url.scheme == "smtps"
    )


def read_password(file: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The password of the login: the first line of a file, else the environment's.

    Raises UsageError where there is none.
    """
    if file is None:
        if (found := environment.get(_PASSWORD)) is None:
            raise UsageError(f"--smtp: the login needs --smtp-password-file or {_PASSWORD}")
        return found
    try:
        with Path(file).open(encoding="utf-8") as stream:
            return stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(f"--smtp-password-file {file}: {problem}") from error


def send_by_smtp(
    message: EmailMessage,
    server: SmtpServer,
    password: str | None,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> None:
    """Send a message; raises MailError, which never holds the password.

    The server's certificate is checked. A server elsewhere must offer TLS. The time limit is that
    of each step.
    """
    context = ssl.create_default_context()
    try:
        if server.is_tls:
            with smtplib.SMTP_SSL(
                server.host, server.port, timeout=timeout_s, context=context
            ) as tls:
                _send(tls, message, server, password)
            return
        with smtplib.SMTP(server.host, server.port, timeout=timeout_s) as plain:
            plain.ehlo_or_helo_if_needed()
            if plain.has_extn("starttls"):
                plain.starttls(context=context)
            elif not is_loopback(server.host):
                raise MailError(f"{_name(server)} offers no STARTTLS: the mail was not sent")
            _send(plain, message, server, password)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        is_final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= _PERMANENT
        kind = MessageRefusedError if is_final else MailError
        raise kind(f"{_name(server)} took no mail: {_describe(error)}") from error


def _send(
    smtp: smtplib.SMTP, message: EmailMessage, server: SmtpServer, password: str | None
) -> None:
    if server.user is not None:
        smtp.login(server.user, password or "")
    refused = smtp.send_message(message)
    if refused:
        names = ", ".join(sorted(refused))
        raise PartlySentError(f"{_name(server)} refused {clean(names)}; the others have the mail")


def _name(server: SmtpServer) -> str:
    return f"the mail server {server.host}:{server.port}"


def _describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        return clean(f"{error.smtp_code} {said}")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reason = next(iter(error.recipients.values()))
        return clean(f"{code} {reason.decode('utf-8', 'replace')}")
    return clean(str(error) or type(error).__name__)


def send_by_sendmail(message: EmailMessage) -> None:
    """Hand a message to the sendmail of this machine; raises MailError."""
    program = shutil.which("sendmail", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib")
    if program is None:
        raise MailError("there is no sendmail on this machine: name a server by --smtp")
    text = bytes(message).replace(b"\r\n", b"\n")
    try:
        # -i: a line with a single dot ends nothing; -t: the recipients are in the header.
        done = subprocess.run(
            [program, "-i", "-t"], input=text, capture_output=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MailError(f"{program} took no mail: {clean(str(error))}") from error
    if done.returncode:
        said = clean(done.stderr) or "it says nothing"
        raise MailError(f"{program} took no mail (exit {done.returncode}): {said}")

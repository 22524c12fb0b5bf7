"""A mail for each notification, in threads by incident.

    mail: {type: smtp, host: mail.example.org, from: sockfleet@example.org, to: [ops@example.org]}

STARTTLS is used, and only this machine may lack it; ``tls: true`` begins with TLS.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from ...core.errors import UsageError
from ...core.mail_delivery import (
    MailError,
    MessageRefusedError,
    PartlySentError,
    SmtpServer,
    send_by_smtp,
)
from ...core.record import record
from ...core.text import quote
from ..notification import Message
from .alert_mail import make_alert_mail
from .registry import Notifier
from .secrets import Secret
from .settings import SinkSettings
from .sink import Answer, Delivered, Refused, Unreached
from .time_limit import run_within

__all__ = ["NOTIFIER", "SmtpSettings", "SmtpSink"]

_TIMEOUT_S = 30.0
_MOST_S = 300.0
_PORT, _TLS_PORT, _LOGIN_PORT = 25, 465, 587
_NOWHERE = "nobody@sockfleet.invalid"


@record
class SmtpSettings:
    """Where mails go, and between whom."""

    server: SmtpServer
    password: Secret | None
    sender: str
    recipients: tuple[str, ...]
    timeout_s: float


class SmtpSink:
    """A sink that mails."""

    repeats_all = False
    most_alerts = 1_000_000

    def __init__(self, name: str, settings: SmtpSettings) -> None:
        self.name = name
        self._settings = settings

    def send(self, message: Message) -> Answer:
        """Hand one mail to the server; where one recipient took it, it is not sent again."""
        settings = self._settings
        mail = make_alert_mail(
            message, self.name, sender=settings.sender, recipients=settings.recipients
        )
        try:
            run_within(settings.timeout_s, f"mail of {self.name}", lambda: self._send(mail))
        except PartlySentError as error:
            return Delivered(note=str(error))
        except MessageRefusedError as error:
            return Refused(reason=str(error))
        except MailError as error:
            return Unreached(reason=str(error))
        except TimeoutError as error:
            server = settings.server
            return Unreached(reason=f"the mail server {server.host}:{server.port}: {error}")
        return Delivered()

    def _send(self, mail: EmailMessage) -> None:
        settings = self._settings
        password = None if settings.password is None else settings.password.reveal()
        send_by_smtp(mail, settings.server, password, timeout_s=settings.timeout_s)


def _check_address(text: str) -> str:
    wrong = UsageError(f"{quote(text)} is not one mail address")
    header = EmailMessage(policy=SMTP)
    try:
        header["To"] = text
        (address,) = header["To"].addresses
    except (ValueError, IndexError):
        raise wrong from None
    if not address.username or header["To"].defects:
        raise wrong
    return text


def _read_addresses(settings: SinkSettings, key: str) -> tuple[str, ...]:
    addresses = settings.texts(key)
    for address in addresses:
        try:
            _check_address(address)
        except UsageError as error:
            settings.add_fault(str(error), key)
    return addresses


def _read_sender(settings: SinkSettings) -> str:
    senders = _read_addresses(settings, "from")
    if len(senders) > 1:
        settings.add_fault("a mail has one sender", "from")
    return senders[0] if senders else _NOWHERE


def _build(settings: SinkSettings) -> SmtpSink:
    is_tls = settings.switch("tls")
    user = settings.optional_text("user")
    usual = _TLS_PORT if is_tls else _PORT if user is None else _LOGIN_PORT
    server = SmtpServer(
        host=settings.text("host"),
        port=settings.number("port", usual, least=1, most=65_535),
        user=user,
        is_tls=is_tls,
    )
    password = settings.secret("password", required=user is not None)
    if password is not None and user is None:
        settings.add_fault("a password needs a user")
    return SmtpSink(
        settings.name,
        SmtpSettings(
            server=server,
            password=password,
            sender=_read_sender(settings),
            recipients=_read_addresses(settings, "to"),
            timeout_s=settings.seconds("timeout", _TIMEOUT_S, most=_MOST_S),
        ),
    )


NOTIFIER = Notifier(build=_build)

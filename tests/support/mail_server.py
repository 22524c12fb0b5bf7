"""A real SMTP server on loopback that keeps what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

from aiosmtpd.controller import Controller

from tests.support.ssh.sshd import free_port

__all__ = ["Received", "run_mail_server"]


@dataclass
class Received:
    """What the server took: the handler of aiosmtpd."""

    contents: list[bytes] = field(default_factory=list)
    was_tls: list[bool] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    """Addresses that have no mailbox here."""
    reply: str = "250 OK"
    """The answer to a whole mail."""

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 (aiosmtpd's name)
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        if self.reply.startswith("250"):
            self.contents.append(envelope.content)
            self.was_tls.append(session.ssl is not None)
        return self.reply

    @property
    def mails(self) -> list[EmailMessage]:
        parser = BytesParser(policy=default)
        return [parser.parsebytes(content) for content in self.contents]


@contextmanager
def run_mail_server(received: Received, **settings) -> Iterator[int]:
    """Run a server during the block; return its port. The settings are those of aiosmtpd."""
    port = free_port()
    controller = Controller(received, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()

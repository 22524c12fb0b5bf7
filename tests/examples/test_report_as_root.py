"""The report of examples/cron: a real cron runs the line, a real SMTP server gets the mail."""

from __future__ import annotations

import email
import email.policy
import threading
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller

from sockfleet.history.store.opening import use_store
from tests.support.history.made_report import SCANS, fill_store
from tests.support.machine.cron_table import install_table
from tests.support.ssh.sshd import free_port

pytestmark = pytest.mark.long


class Mailbox:
    """Keeps the first mail and says when it is there: the handler of aiosmtpd."""

    def __init__(self) -> None:
        self.mail = email.message.EmailMessage()
        self.is_there = threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        self.mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.is_there.set()
        return "250 OK"


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def smtp(mailbox):
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def test_cron_mails_the_report_of_the_week(machine, places, cron, smtp, mailbox):
    begin = datetime.now(UTC) - timedelta(hours=SCANS)
    with use_store(str(machine.state / "history.db"), create=True) as store:
        fill_store(store, begin=begin)
    toml = machine.root / "etc/xdg/sockfleet/sockfleet.toml"
    toml.write_text(toml.read_text().replace("[report]\n", f'[report]\nsmtp = "{smtp}"\n'))
    shipped = machine.placed("cron/sockfleet-report")
    assert shipped.count("\n0 7 * * 1 ") == 1
    path = f"PATH={machine.command.parent}:/usr/bin:/bin"
    xdg = f"XDG_CONFIG_DIRS={machine.environment['XDG_CONFIG_DIRS']}"
    table = shipped.replace("PATH=/usr/local/bin:/usr/bin:/bin", path)
    table = table.replace("\n0 7 * * 1 ", f"\n{xdg}\n* * * * * ")
    install_table(places, "sockfleet-report", table)

    assert mailbox.is_there.wait(200)  # the next minute, and the job
    assert mailbox.mail["To"] == "root@localhost"
    assert mailbox.mail["Subject"].startswith("[sockfleet] One host leaks sockets (1 new)")
    page = (machine.state / "report.html").read_text()
    assert "<em>One host</em> leaks sockets." in page

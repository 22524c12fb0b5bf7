"""examples/cron under the real cron daemon, in a mount namespace that has no other jobs."""

from __future__ import annotations

import json
import os

import pytest

from tests.support.machine.cron_table import install_table
from tests.support.machine.example_machine import write_script

pytestmark = pytest.mark.long


def test_cron_runs_the_line_and_mails_only_what_went_wrong(machine, places, cron, tmp_path):
    listing = {"web": {"hosts": list(machine.hosts)}, "_meta": {"hostvars": machine.hosts}}
    (tmp_path / "hosts.json").write_text(json.dumps(listing))
    os.mkfifo(tmp_path / "runs")
    write_script(machine.inventory, f"echo >{tmp_path}/runs\nexec cat {tmp_path}/hosts.json\n")
    shipped = machine.placed("cron/sockfleet")
    assert shipped.count("\n*/5 ") == 1
    xdg = machine.environment["XDG_CONFIG_DIRS"]
    table = shipped.replace("\n*/5 ", f"\nXDG_CONFIG_DIRS={xdg}\n* ")
    table += "* * * * * sockfleet sockfleet scan --profile corn\n"
    install_table(places, "sockfleet", table)

    (tmp_path / "mailed").read_bytes()  # within the minute
    (tmp_path / "runs").read_bytes()
    cron.terminate()
    # The process that would send a mail holds the daemon's stderr.
    assert cron.communicate(timeout=120)[1] == ""
    mail = (tmp_path / "mail").read_text()
    assert mail.count("Subject: Cron ") == 1
    assert "To: root\n" in mail
    assert "no profile 'corn'; did you mean cron?" in mail
    assert machine.scan()["fleet"]["hosts"] == {"total": 2, "ok": 2, "failed": 0}

"""examples/cron under the real cron daemon, in a mount namespace that has no other jobs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

PAM = (
    "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
)
CRON = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path) -> Mapping[str, Path]:
    """The folders that replace the machine's own in the daemon's namespace."""
    here = {
        "/etc/cron.d": tmp_path / "cron.d",
        "/etc/crontab": tmp_path / "crontab",
        "/etc/pam.d/cron": tmp_path / "pam",
        "/etc/passwd": tmp_path / "passwd",
        "/run": tmp_path / "run",
        "/var/spool/cron/crontabs": tmp_path / "spool",
        "/usr/sbin": tmp_path / "sbin",
    }
    for name in ("/etc/cron.d", "/run", "/var/spool/cron/crontabs", "/usr/sbin"):
        here[name].mkdir()
    here["/etc/crontab"].write_text("")
    here["/etc/pam.d/cron"].write_text(PAM)
    # The job's user, who may go where the tests' folders are.
    users = Path("/etc/passwd").read_text()
    here["/etc/passwd"].write_text(f"{users}sockfleet:x:0:0::{tmp_path}:/bin/sh\n")
    os.mkfifo(tmp_path / "mailed")
    mail = f"cat >>{tmp_path}/mail\necho >{tmp_path}/mailed\n"
    script(here["/usr/sbin"] / "sendmail", mail)
    return here


@pytest.fixture
def cron(places, tmp_path):
    """The daemon; it ends with its last job when the block does."""
    assert CRON, "cron is missing: apt-get install cron"
    shutil.copy(CRON, places["/usr/sbin"] / "cron")
    mounts = "".join(f"mount --bind {ours} {place}; " for place, ours in places.items())
    command = ["unshare", "--mount", "sh", "-ec", f"{mounts} exec /usr/sbin/cron -f"]
    daemon = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    yield daemon
    daemon.kill()
    # If the test failed early, a job still waits for a reader of its pipe.
    held = [os.open(pipe, os.O_RDWR) for pipe in tmp_path.iterdir() if pipe.is_fifo()]
    daemon.communicate(timeout=60)
    for descriptor in held:
        os.close(descriptor)


def test_cron_runs_the_line_and_mails_only_what_went_wrong(machine, places, cron, tmp_path):
    listing = {"web": {"hosts": list(machine.hosts)}, "_meta": {"hostvars": machine.hosts}}
    (tmp_path / "hosts.json").write_text(json.dumps(listing))
    os.mkfifo(tmp_path / "runs")
    script(machine.inventory, f"echo >{tmp_path}/runs\nexec cat {tmp_path}/hosts.json\n")
    shipped = machine.placed("cron/sockfleet")
    assert shipped.count("\n*/5 ") == 1
    xdg = machine.environment["XDG_CONFIG_DIRS"]
    table = shipped.replace("\n*/5 ", f"\nXDG_CONFIG_DIRS={xdg}\n* ")
    table += "* * * * * sockfleet sockfleet scan --profile corn\n"
    (places["/etc/cron.d"] / "sockfleet").write_text(table)

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

"""The machine on which the examples are installed, and a real cron daemon on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.machine.example_machine import ExampleMachine, write_script
from tests.support.machine.own_etc import copy_etc

PAM = (
    "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
)
CRON = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture
def machine(tmp_path, sshd):
    return ExampleMachine(tmp_path / "machine", sshd)


@pytest.fixture
def places(tmp_path) -> Mapping[str, Path]:
    """The folders that replace the machine's own in the daemon's namespace."""
    here = {
        "/etc": tmp_path / "etc",
        "/run": tmp_path / "run",
        "/var/spool/cron/crontabs": tmp_path / "spool",
        "/usr/sbin": tmp_path / "sbin",
    }
    for name in ("/run", "/var/spool/cron/crontabs", "/usr/sbin"):
        here[name].mkdir()
    # The job's user, who may go where the tests' folders are.
    copy_etc(here["/etc"], "sockfleet", uid=0, home=tmp_path)
    shutil.rmtree(here["/etc"] / "cron.d")
    (here["/etc"] / "cron.d").mkdir()
    (here["/etc"] / "crontab").write_text("")
    (here["/etc"] / "pam.d/cron").write_text(PAM)
    os.mkfifo(tmp_path / "mailed")
    mail = f"cat >>{tmp_path}/mail\necho >{tmp_path}/mailed\n"
    write_script(here["/usr/sbin"] / "sendmail", mail)
    return here


@pytest.fixture
def cron(places, tmp_path) -> Iterator[subprocess.Popen[str]]:
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

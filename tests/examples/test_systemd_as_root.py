"""The user and the folders that examples/systemd makes, in a separate root."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.machine.example_machine import EXAMPLES


def test_the_user_the_folder_and_the_link_are_made(tmp_path):
    for kind in ("sysusers", "tmpfiles"):
        folder = tmp_path / f"etc/{kind}.d"
        folder.mkdir(parents=True)
        shutil.copy(EXAMPLES / f"systemd/sockfleet.{kind}", folder / "sockfleet.conf")
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
    create = ["systemd-tmpfiles", "--create", f"--root={tmp_path}"]
    done = subprocess.run(create, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    (entry,) = [
        line.split(":")
        for line in (tmp_path / "etc/passwd").read_text().splitlines()
        if line.startswith("sockfleet:")
    ]
    state = tmp_path / "var/lib/sockfleet"
    assert (entry[5], state.stat().st_uid) == ("/var/lib/sockfleet", int(entry[2]))
    assert state.stat().st_mode & 0o7777 == 0o755
    link = tmp_path / "var/lib/prometheus/node-exporter/sockfleet.prom"
    assert link.readlink() == Path("/var/lib/sockfleet/sockfleet.prom")

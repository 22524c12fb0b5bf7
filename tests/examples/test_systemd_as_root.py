"""The user and the folders that examples/systemd makes, in a separate root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.machine.example_machine import EXAMPLES


def test_the_user_and_the_folder_are_made(tmp_path):
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


def test_the_folder_comes_to_be_where_node_exporter_is_installed(tmp_path):
    """Debian 12: /var/lib/prometheus belongs to a user, node-exporter in it to root.

    systemd-tmpfiles checks owners only without --root, so it runs here in a mount namespace.
    """
    state = tmp_path / "lib"
    (state / "prometheus/node-exporter").mkdir(parents=True)
    os.chown(state / "prometheus", 65534, 65534)
    passwd = tmp_path / "passwd"
    passwd.write_text(Path("/etc/passwd").read_text() + "sockfleet:x:64999:64999::/:/bin/false\n")
    group = tmp_path / "group"
    group.write_text(Path("/etc/group").read_text() + "sockfleet:x:64999:\n")
    mounts = f"mount --bind {state} /var/lib; mount --bind {passwd} /etc/passwd"
    create = f"systemd-tmpfiles --create {EXAMPLES / 'systemd/sockfleet.tmpfiles'}"
    script = f"set -e; {mounts}; mount --bind {group} /etc/group; {create}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (state / "sockfleet").stat().st_uid == 64999

"""The user and the folders that examples/systemd makes, in a separate root."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.support.machine.example_machine import EXAMPLES
from tests.support.machine.own_etc import copy_etc


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
    copy_etc(tmp_path / "etc", "sockfleet", uid=64999)
    mounts = f"mount --bind {state} /var/lib; mount --bind {tmp_path / 'etc'} /etc"
    create = f"systemd-tmpfiles --create {EXAMPLES / 'systemd/sockfleet.tmpfiles'}"
    script = f"set -e; {mounts}; {create}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (state / "sockfleet").stat().st_uid == 64999

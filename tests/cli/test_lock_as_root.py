"""``--lock`` of root in the folder of a service's user."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sockfleet.cli.lock import run_lock

NOBODY = 65534


def test_a_run_by_root_leaves_a_lock_that_the_service_s_user_can_take(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    with run_lock(str(folder / "lock")):
        pass
    assert (folder / "lock").stat().st_uid == NOBODY
    opened = os.open(folder, os.O_DIRECTORY)  # the folders above may be closed to that user
    try:
        as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        take = ["flock", "-n", f"/proc/self/fd/{opened}/lock", "true"]
        subprocess.run([*as_user, *take], check=True, pass_fds=[opened])
    finally:
        os.close(opened)


def test_a_lock_that_is_there_keeps_its_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    (tmp_path / "lock").touch()
    with run_lock(str(tmp_path / "lock")):
        assert (tmp_path / "lock").stat().st_uid == 0

"""``--lock``: one run at a time, between real processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sockfleet.cli.lock import LockHeldError, run_lock
from sockfleet.core.errors import UsageError
from tests.support.cli.command_process import SOCKFLEET, run_sockfleet

SCAN = [*SOCKFLEET, "scan"]


@pytest.fixture
def slow_script(tmp_path: Path) -> Path:
    """An inventory script that opens the FIFO ``runs``, then waits for a line from ``go``."""
    os.mkfifo(tmp_path / "runs")
    os.mkfifo(tmp_path / "go")
    script = tmp_path / "inventory.sh"
    script.write_text(
        f"#!/bin/sh\necho run >>{tmp_path}/ran\necho >{tmp_path}/runs\nread line <{tmp_path}/go\n"
        'echo \'{"_meta": {"hostvars": {"here": {"ansible_connection": "local"}}}, \'\n'
        'echo \'"all": {"hosts": ["here"]}}\'\n'
    )
    script.chmod(0o755)
    return script


@contextmanager
def started_scan(slow_script: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A scan that has taken its lock and waits for its inventory script."""
    folder = slow_script.parent
    process = subprocess.Popen(
        [*SCAN, str(slow_script), *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        (folder / "runs").read_bytes()  # returns once the script has opened it
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        _release_script(folder)


def _release_script(folder: Path) -> None:
    """End the script if it still waits: it has its own session and outlives a killed scan."""
    try:
        descriptor = os.open(folder / "go", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        assert error.errno == errno.ENXIO, "the script has ended"
        return
    os.write(descriptor, b"\n")
    os.close(descriptor)


def scan(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_sockfleet("scan", *words, cwd=cwd)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here.ini"
    path.write_text("here ansible_connection=local\n")
    return path


def test_a_second_run_does_nothing_and_names_the_first(slow_script, here, tmp_path):
    (tmp_path / "out.json").write_text("old")
    with started_scan(slow_script, "--lock", "lock") as first:
        second = scan(slow_script, "--lock", "lock", "-o", "out.json", "-f", "json", cwd=tmp_path)
        assert (second.returncode, second.stdout) == (75, "")
        assert second.stderr == (
            f"sockfleet: error: --lock lock: another run holds it (process {first.pid}); nothing "
            "was done\n"
        )
        assert (tmp_path / "out.json").read_text() == "old"
        assert (tmp_path / "ran").read_text() == "run\n", "the second run read its inventory"
        (tmp_path / "go").write_text("\n")
        out, err = first.communicate(timeout=60)
        assert first.returncode == 0, err
        assert b"1 of 1 host read" in out
    assert scan(here, "--lock", "lock", cwd=tmp_path).returncode == 0


def test_a_held_lock_is_reported_before_other_errors(slow_script, tmp_path):
    with started_scan(slow_script, "--lock", "lock"):
        second = scan("missing.ini", "-o", "nowhere/x.json", "--lock", "lock", cwd=tmp_path)
        assert second.returncode == 75


def test_runs_with_another_lock_or_none_are_not_blocked(slow_script, here, tmp_path):
    with started_scan(slow_script, "--lock", "lock"):
        assert scan(here, "--lock", "other", cwd=tmp_path).returncode == 0
        assert scan(here, cwd=tmp_path).returncode == 0


def test_listing_hosts_needs_no_lock(slow_script, here, tmp_path):
    with started_scan(slow_script, "--lock", "lock"):
        assert scan(here, "--lock", "lock", "--list-hosts", cwd=tmp_path).stdout == "here\n"


def test_a_killed_run_releases_its_lock(slow_script, here, tmp_path):
    with started_scan(slow_script, "--lock", "lock") as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        # Its inventory script still runs, but did not inherit the lock.
        assert scan(here, "--lock", "lock", cwd=tmp_path).returncode == 0


def test_all_concurrent_runs_are_refused_while_one_holds_the_lock(slow_script, tmp_path):
    with started_scan(slow_script, "--lock", "lock"):
        others = [
            subprocess.Popen(
                [*SCAN, str(slow_script), "--lock", "lock"], cwd=tmp_path, stderr=subprocess.PIPE
            )
            for _ in range(4)
        ]
        for other in others:
            other.communicate(timeout=60)
        assert [other.returncode for other in others] == [75] * 4
    assert (tmp_path / "ran").read_text() == "run\n"


def test_a_leftover_lock_file_is_free_and_keeps_its_content(tmp_path):
    path = tmp_path / "lock"
    path.write_text("4711\n")
    with run_lock(str(path)):
        pass
    assert path.read_text() == "4711\n"


def test_a_new_lock_file_has_mode_600(tmp_path):
    with run_lock(str(tmp_path / "lock")):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_child_processes_do_not_inherit_the_lock(tmp_path):
    path = tmp_path / "lock"
    with run_lock(str(path)):
        listed = subprocess.run(
            ["/bin/ls", "-l", "/proc/self/fd"],
            capture_output=True,
            text=True,
            check=True,
            close_fds=False,
        )
    assert str(path) not in listed.stdout


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/lock", "No such file or directory"), (".", "Is a directory")]
)
def test_an_impossible_lock_path_is_a_usage_error(tmp_path, here, name, reason):
    result = scan(here, "--lock", name, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == f"sockfleet: error: --lock {name}: {reason}\n"


def test_an_unknown_holder_is_left_out_of_the_message(tmp_path, mocker):
    mocker.patch("sockfleet.cli.lock._LOCKS", tmp_path / "missing")
    path = str(tmp_path / "lock")
    with run_lock(path), pytest.raises(LockHeldError) as caught, run_lock(path):
        pass
    assert str(caught.value) == f"--lock {path}: another run holds it; nothing was done"


def test_a_file_system_without_locks_is_a_usage_error(tmp_path, mocker):
    mocker.patch("fcntl.flock", side_effect=OSError(37, "No locks available"))
    with pytest.raises(UsageError, match="No locks available"), run_lock(str(tmp_path / "lock")):
        pass


def test_no_lock_is_taken_without_the_option(mocker):
    flock = mocker.patch("fcntl.flock")
    with run_lock(None), run_lock(None):
        assert not flock.called

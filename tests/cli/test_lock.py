"""``--lock``: one run at a time, between real processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sockfleet.cli.lock import LockHeldError, run_lock
from sockfleet.core.errors import UsageError

SCAN = [sys.executable, "-m", "sockfleet.cli", "scan"]


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """An inventory script that says that it runs, and ends when it is let go."""
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
def running(slow: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A scan that is under way, and holds what it holds."""
    folder = slow.parent
    process = subprocess.Popen(
        [*SCAN, str(slow), *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        (folder / "runs").read_bytes()  # opens when the script does
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        _let_go(folder)


def _let_go(folder: Path) -> None:
    """End the script where it still waits: it has a session of its own, and outlives the scan."""
    try:
        descriptor = os.open(folder / "go", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        assert error.errno == errno.ENXIO, "nobody reads"
        return
    os.write(descriptor, b"\n")
    os.close(descriptor)


def scan(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCAN, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here.ini"
    path.write_text("here ansible_connection=local\n")
    return path


def test_a_second_run_does_nothing_and_names_the_first(slow, here, tmp_path):
    (tmp_path / "out.json").write_text("old")
    with running(slow, "--lock", "lock") as first:
        second = scan(slow, "--lock", "lock", "-o", "out.json", "-f", "json", cwd=tmp_path)
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


def test_the_lock_counts_before_what_else_is_wrong(slow, tmp_path):
    with running(slow, "--lock", "lock"):
        second = scan("gone.ini", "-o", "nowhere/x.json", "--lock", "lock", cwd=tmp_path)
        assert second.returncode == 75


def test_another_lock_and_no_lock_are_free(slow, here, tmp_path):
    with running(slow, "--lock", "lock"):
        assert scan(here, "--lock", "other", cwd=tmp_path).returncode == 0
        assert scan(here, cwd=tmp_path).returncode == 0


def test_what_contacts_nobody_needs_no_lock(slow, here, tmp_path):
    with running(slow, "--lock", "lock"):
        assert scan(here, "--lock", "lock", "--list-hosts", cwd=tmp_path).stdout == "here\n"


def test_a_killed_run_holds_nothing(slow, here, tmp_path):
    with running(slow, "--lock", "lock") as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        # Its inventory script lives on, and did not inherit the lock.
        assert scan(here, "--lock", "lock", cwd=tmp_path).returncode == 0


def test_of_many_that_start_at_once_one_runs(slow, tmp_path):
    with running(slow, "--lock", "lock"):
        others = [
            subprocess.Popen(
                [*SCAN, str(slow), "--lock", "lock"], cwd=tmp_path, stderr=subprocess.PIPE
            )
            for _ in range(4)
        ]
        for other in others:
            other.communicate(timeout=60)
        assert [other.returncode for other in others] == [75] * 4
    assert (tmp_path / "ran").read_text() == "run\n"


def test_a_file_that_is_left_is_no_lock_and_keeps_its_content(tmp_path):
    path = tmp_path / "lock"
    path.write_text("4711\n")
    with run_lock(str(path)):
        pass
    assert path.read_text() == "4711\n"


def test_a_new_file_is_for_its_owner_alone(tmp_path):
    with run_lock(str(tmp_path / "lock")):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_the_descriptor_is_not_inherited(tmp_path):
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
    ("name", "why"), [("missing/lock", "No such file or directory"), (".", "Is a directory")]
)
def test_a_lock_that_cannot_be_is_a_usage_error(tmp_path, here, name, why):
    result = scan(here, "--lock", name, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == f"sockfleet: error: --lock {name}: {why}\n"


def test_the_holder_is_left_out_where_it_is_not_known(tmp_path, mocker):
    mocker.patch("sockfleet.cli.lock._LOCKS", tmp_path / "gone")
    path = str(tmp_path / "lock")
    with run_lock(path), pytest.raises(LockHeldError) as caught, run_lock(path):
        pass
    assert str(caught.value) == f"--lock {path}: another run holds it; nothing was done"


def test_a_file_system_without_locks_is_told(tmp_path, mocker):
    mocker.patch("fcntl.flock", side_effect=OSError(37, "No locks available"))
    with pytest.raises(UsageError, match="No locks available"), run_lock(str(tmp_path / "lock")):
        pass


def test_no_lock_is_taken_where_none_is_wanted(mocker):
    taken = mocker.patch("fcntl.flock")
    with run_lock(None), run_lock(None):
        assert not taken.called

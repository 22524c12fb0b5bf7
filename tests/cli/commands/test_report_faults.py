"""``sockfleet report`` in processes that are killed, short of space, piped, or two at once."""

from __future__ import annotations

import email
import email.policy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.history.report.scan_files import memory_folder
from sockfleet.history.store.opening import use_store
from tests.support.cli.command_process import SOCKFLEET, run_sockfleet
from tests.support.history.made_report import fill_store

WINDOW = ("--since", "2026-11-01", "--until", "2027-01-01")
MAIL = ("--mail-to", "ops@example.org", "--mail-from", "sockfleet@example.org")
# Runs the command; what is first is called where a file is whole, but not yet in its place.
FAULTY = """
import errno, os, signal, sys
from sockfleet.cli.main import main
fault = sys.argv.pop(1)
def sync(descriptor):
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
os.fsync = sync
main()
"""


def run_faulty(fault: str, *words: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-c", FAULTY, fault, *map(str, words)]
    return subprocess.run(given, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def store() -> Iterator[Path]:
    """A store with a day of ten hosts."""
    with memory_folder() as folder:
        with use_store(str(folder / "history.db"), create=True) as opened:
            fill_store(opened, scans=24)
        yield folder / "history.db"


@pytest.fixture
def words(store) -> tuple[str, ...]:
    return ("report", "--store", str(store), *WINDOW)


@pytest.fixture
def folder(tmp_path) -> Path:
    """An empty folder for what is written."""
    made = tmp_path / "written"
    made.mkdir()
    return made


@pytest.mark.parametrize("kind", ["html", "markdown", "mail"])
def test_a_killed_report_leaves_the_old_file(words, folder, kind):
    file = folder / "file"
    file.write_text("old")
    given = [*words, f"--{kind}", str(file), *MAIL, "--title", f"killed {kind}"]
    killed = run_faulty("kill", *given)
    assert (killed.returncode, killed.stderr) == (-9, "")
    assert file.read_text() == "old"
    assert len(list(folder.iterdir())) == 2
    # The next run replaces the file, and removes what the killed one left.
    assert run_sockfleet(*given).returncode == 0
    assert file.stat().st_size > 100
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("kind", ["html", "markdown", "mail"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(words, folder, kind):
    file = folder / "file"
    file.write_text("old")
    ran = run_faulty("full", *words, f"--{kind}", file, *MAIL, "--title", f"full {kind}")
    assert (ran.returncode, ran.stdout) == (5, "")
    assert ran.stderr == f"sockfleet: error: cannot write {file}: No space left on device\n"
    assert file.read_text() == "old"
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("shown", ["text", "json"])
def test_a_full_disk_behind_standard_output_is_one_line(words, shown):
    with Path("/dev/full").open("wb") as full:
        ran = run_sockfleet(
            *words, "-f", shown, stdout=full, stderr=subprocess.PIPE, capture_output=False
        )
    assert ran.returncode == 5
    assert ran.stderr == (
        "sockfleet: error: cannot write to standard output: No space left on device\n"
    )


@pytest.mark.parametrize("shown", ["text", "json"])
def test_a_closed_pipe_ends_it_quietly(words, shown):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = run_sockfleet(
            *words, "-f", shown, stdout=writer, stderr=subprocess.PIPE, capture_output=False
        )
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_any_standard_stream_the_files_are_written(words, tmp_path):
    page = tmp_path / "week.html"
    line = 'exec "$@" <&- >&- 2>&-'
    given = [*SOCKFLEET, *words, "--html", str(page)]
    ran = subprocess.run(["/bin/sh", "-c", line, "sh", *given], check=False)
    assert ran.returncode == 0
    assert page.read_bytes().endswith(b"</html>")


def test_two_at_once_leave_whole_files(words, folder):
    page, mail = folder / "week.html", folder / "mail.eml"
    given = [*SOCKFLEET, *words, "--html", str(page), "--mail", str(mail), *MAIL]
    running = [
        subprocess.Popen([*given, "--title", "twice"], stderr=subprocess.PIPE) for _ in range(3)
    ]
    assert [process.communicate() for process in running] == [(None, b"")] * 3
    assert [process.returncode for process in running] == [0, 0, 0]
    assert page.read_bytes().endswith(b"</html>")
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    assert not message.defects
    assert len(list(message.walk())) == 5
    assert sorted(folder.iterdir()) == [mail, page]


GARBAGE = {
    "empty": b"",
    "text": b"garbage\n",
    "binary": bytes(range(256)) * 40,
    "list": b"[]",
    "another": b'{"schema": "sockfleet/report/v1"}',
    "half": b'{"schema": "sockfleet/scan/v1", "scan": {',
    "deep": b'{"a":' + b"[" * 100_000,
    "number": b"1e999",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_place_of_a_scan_is_one_line(tmp_path, name):
    file = tmp_path / f"{name}.json"
    file.write_bytes(GARBAGE[name])
    ran = run_sockfleet("report", file)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"sockfleet: error: {file}: not a scan of sockfleet: ")
    assert ran.stderr.count("\n") == 1

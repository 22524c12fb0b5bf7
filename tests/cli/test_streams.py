"""Standard streams that are closed or full: a result is lost only where it was to go there."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from sockfleet.cli.streams import StdoutError, write
from tests.support.cli.command_line import run_command
from tests.support.ssh.sshd import ssh_keygen

HERE = "here ansible_connection=local\n"


@pytest.fixture
def run(tmp_path):
    """``sockfleet scan WORDS`` through a shell: exit code, stdout, stderr."""
    (tmp_path / "here.ini").write_text(HERE)

    def scan(words: str) -> tuple[int, str, str]:
        result = subprocess.run(
            ["sh", "-c", f"{sys.executable} -m sockfleet.cli scan {words}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return result.returncode, result.stdout, result.stderr

    return scan


def test_a_closed_stdout_is_a_write_failure(run):
    code, _, err = run("here.ini >&-")
    assert code == 5
    assert err == "sockfleet: error: cannot write to standard output: it is closed\n"


def test_a_full_stdout_is_a_write_failure(run):
    code, _, err = run("here.ini >/dev/full")
    assert code == 5
    assert "No space left on device" in err


def test_a_full_stdout_spoils_no_file(run, tmp_path):
    assert run("here.ini -f json -o out.json >/dev/full")[0] == 5
    assert json.loads((tmp_path / "out.json").read_bytes())["scan"]["complete"] is True


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_into_a_file_no_stream_is_needed(run, tmp_path, closed):
    """Nothing that is opened gets the number of a stream, so nothing is written into it."""
    assert run(f"here.ini -o out.json {closed}") == (0, "", "")
    text = (tmp_path / "out.json").read_bytes()
    assert json.loads(text)["fleet"]["hosts"] == {"total": 1, "ok": 1, "failed": 0}


def test_a_closed_stderr_keeps_the_exit_code(run):
    assert run("gone.ini 2>&-") == (2, "", "")


def test_ndjson_into_a_full_disk_ends_with_a_write_failure(run):
    code, _, err = run("here.ini -f ndjson >/dev/full")
    assert code == 5
    assert "cannot write to standard output" in err


@pytest.mark.parametrize(("where", "code"), [(">/dev/full", 5), (">&-", 5), ("| :", 0)])
def test_hosts_that_cannot_be_shown_are_still_written(run, tmp_path, where, code):
    """The lines of ndjson go out while the scan runs; their end is not the scan's."""
    (tmp_path / "here.ini").write_text("here[1:30] ansible_connection=local\n")
    seen, _, err = run(f"here.ini -f ndjson -o out.json -c 2 {where}")
    assert seen == code
    assert err.count("cannot write to standard output") == (code == 5)
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert document["fleet"]["hosts"]["ok"] == 30
    assert document["scan"]["complete"] is True


def test_a_closed_stdin_is_an_empty_inventory(run):
    code, _, err = run("- <&-")
    assert code == 2
    assert "no host" in err


def test_a_clock_that_is_set_back_meanwhile(tmp_path, monkeypatch, capsysbinary, mocker):
    """Durations come from the clock that cannot be set, and the end is the beginning plus them."""
    (tmp_path / "here.ini").write_text(HERE)
    times = [datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in range(23, 0, -1)]
    clock = mocker.patch("sockfleet.scan.scan.datetime")
    clock.now.side_effect = times
    code, out, _ = run_command(
        "scan",
        *(tmp_path / "here.ini", "-f", "json"),
        monkeypatch=monkeypatch,
        captured=capsysbinary,
    )
    scan = json.loads(out)["scan"]
    assert code == 0
    assert 0 <= scan["duration_s"] < 60
    assert scan["started_at"] <= scan["finished_at"]
    assert scan["started_at"][:17] == scan["finished_at"][:17]


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_stopped_writes_what_it_has_and_says_so(tmp_path, signal_number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "fleet.ini").write_text(
            HERE + f"silent ansible_host=127.0.0.1 ansible_port={silent.getsockname()[1]}\n"
        )
        (tmp_path / "out.json").write_text("old")
        key = ssh_keygen(tmp_path / "key")
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sockfleet.cli", "scan", "fleet.ini", "-f", "ndjson"),
                *("-o", "out.json", "--lock", "lock", "--timeout", "100", "-i", str(key)),
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "SOCKFLEET_CONNECT_TIMEOUT": "100"},
        )
        with process:
            assert json.loads(process.stdout.readline())["name"] == "here"
            with silent.accept()[0]:  # the other one is under way
                process.send_signal(signal_number)
                process.communicate(timeout=60)
    assert process.returncode == 128 + signal_number
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert document["scan"]["complete"] is False
    assert document["fleet"]["hosts"] == {"total": 2, "ok": 1, "failed": 1}


class Sipping(io.RawIOBase):
    """A raw stream, as PYTHONUNBUFFERED makes standard output, that takes little at a time."""

    def __init__(self, at_once: int | None) -> None:
        self.at_once = at_once
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: memoryview) -> int | None:
        if self.at_once is None:
            return None
        self.taken += bytes(data[: self.at_once])
        return min(self.at_once, len(data))


def test_a_stream_that_takes_a_part_gets_the_rest_too(mocker):
    """Seen with PYTHONUNBUFFERED=1: 64 KiB of a document went into the pipe, and the code was 0."""
    sipping = Sipping(7)
    mocker.patch("sys.stdout", mocker.Mock(buffer=sipping))
    write(b"a document of several pieces")
    assert sipping.taken == b"a document of several pieces"


def test_a_stream_that_may_not_wait_and_is_full_is_a_write_failure(mocker):
    mocker.patch("sys.stdout", mocker.Mock(buffer=Sipping(None)))
    mocker.patch("sockfleet.cli.streams._discard_stdout")
    with pytest.raises(StdoutError, match="temporarily unavailable"):
        write(b"a document")

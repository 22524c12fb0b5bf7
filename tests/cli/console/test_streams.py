"""Standard streams that are closed or full: only output to that stream is lost."""

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

from sockfleet.cli.console.streams import StdoutError, write
from tests.support.cli.command_line import run_command
from tests.support.cli.command_process import SOCKFLEET
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


def test_a_full_stdout_leaves_output_files_intact(run, tmp_path):
    assert run("here.ini -f json -o out.json >/dev/full")[0] == 5
    assert json.loads((tmp_path / "out.json").read_bytes())["scan"]["complete"] is True


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_output_to_a_file_needs_no_standard_stream(run, tmp_path, closed):
    """No opened file gets the descriptor of a stream, so no message is written into it."""
    assert run(f"here.ini -o out.json {closed}") == (0, "", "")
    text = (tmp_path / "out.json").read_bytes()
    assert json.loads(text)["fleet"]["hosts"] == {"total": 1, "ok": 1, "failed": 0}


def test_a_closed_stderr_keeps_the_exit_code(run):
    assert run("missing.ini 2>&-") == (2, "", "")


def test_ndjson_into_a_full_disk_ends_with_a_write_failure(run):
    code, _, err = run("here.ini -f ndjson >/dev/full")
    assert code == 5
    assert "cannot write to standard output" in err


@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 5), (">&-", 5), ("| :", 0)])
def test_a_write_failure_on_stdout_does_not_end_the_scan(run, tmp_path, redirection, code):
    """ndjson is written during the scan; output files are still complete."""
    (tmp_path / "here.ini").write_text("here[1:30] ansible_connection=local\n")
    exit_code, _, err = run(f"here.ini -f ndjson -o out.json -c 2 {redirection}")
    assert exit_code == code
    assert err.count("cannot write to standard output") == (code == 5)
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert document["fleet"]["hosts"]["ok"] == 30
    assert document["scan"]["complete"] is True


def test_a_closed_stdin_is_an_empty_inventory(run):
    code, _, err = run("- <&-")
    assert code == 2
    assert "no host" in err


def test_a_clock_set_back_during_the_scan_does_not_change_durations(
    tmp_path, monkeypatch, capsysbinary, mocker
):
    """Durations come from the monotonic clock, and the end is the start plus the duration."""
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
def test_a_stopped_run_writes_an_incomplete_document(tmp_path, signal_number):
    with socket.create_server(("127.0.0.1", 0)) as silent_listener:
        (tmp_path / "fleet.ini").write_text(
            HERE
            + f"silent ansible_host=127.0.0.1 ansible_port={silent_listener.getsockname()[1]}\n"
        )
        (tmp_path / "out.json").write_text("old")
        key = ssh_keygen(tmp_path / "key")
        process = subprocess.Popen(
            [
                *(*SOCKFLEET, "scan", "fleet.ini", "-f", "ndjson"),
                *("-o", "out.json", "--lock", "lock", "--timeout", "100", "-i", str(key)),
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "SOCKFLEET_CONNECT_TIMEOUT": "100"},
        )
        with process:
            assert json.loads(process.stdout.readline())["name"] == "here"
            with silent_listener.accept()[0]:  # the scan has connected to the other host
                process.send_signal(signal_number)
                process.communicate(timeout=60)
    assert process.returncode == 128 + signal_number
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert document["scan"]["complete"] is False
    assert document["fleet"]["hosts"] == {"total": 2, "ok": 1, "failed": 1}


class PartialStream(io.RawIOBase):
    """A raw stream that accepts few bytes at a time, as PYTHONUNBUFFERED makes standard output."""

    def __init__(self, most_bytes: int | None) -> None:
        self.most_bytes = most_bytes
        self.received = b""

    def writable(self) -> bool:
        return True

    def write(self, data: memoryview) -> int | None:
        if self.most_bytes is None:
            return None
        self.received += bytes(data[: self.most_bytes])
        return min(self.most_bytes, len(data))


def test_a_partial_write_is_continued(mocker):
    """With PYTHONUNBUFFERED=1 a pipe took only 64 KiB of a document, and the exit code was 0."""
    stream = PartialStream(7)
    mocker.patch("sys.stdout", mocker.Mock(buffer=stream))
    write(b"a document of several pieces")
    assert stream.received == b"a document of several pieces"


def test_a_full_non_blocking_stream_is_a_write_failure(mocker):
    mocker.patch("sys.stdout", mocker.Mock(buffer=PartialStream(None)))
    mocker.patch("sockfleet.cli.console.streams._discard_stdout")
    with pytest.raises(StdoutError, match="temporarily unavailable"):
        write(b"a document")

"""Signals and failures of this machine outside of a scan: one line and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.cli.command_process import SOCKFLEET, run_sockfleet
from tests.support.fleet.sample_fleet import reading, scan, summaries

each_signal = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part.json"
    summary = summarize_fleet(summaries(reading("web1"), reading("web2")), scan())
    path.write_bytes(load_format("json").render(summary, RenderOptions()))
    return path


@each_signal
@pytest.mark.parametrize("module", ["click", "orjson", "uvloop"])
def test_a_signal_during_imports_ends_the_command_without_a_traceback(tmp_path, module, number):
    """click is imported before the command line is read, the others by the command."""
    os.mkfifo(tmp_path / "begun")
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / f"{module}.py").write_text(
        "import os, signal\n"
        f"os.close(os.open({str(tmp_path / 'begun')!r}, os.O_WRONLY))\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [*SOCKFLEET, "scan", "localhost,", "-i", "none", "-f", "json"],
        env={**os.environ, "PYTHONPATH": str(modules)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        (tmp_path / "begun").read_bytes()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + number, b"", b"")


@each_signal
@pytest.mark.parametrize("call", ["flock:when=1", "fchmod", "fsync:when=1", "rename"])
def test_a_signal_while_merge_writes_leaves_no_temporary_file(part, tmp_path, call, number):
    """strace sends the signal at the system call itself."""
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "all.json"
    name, _, when = call.partition(":")
    inject = f"inject={name}:signal={number.name[3:]}" + (f":{when}" if when else "")
    result = subprocess.run(
        [
            *("strace", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={name}", "-e", inject),
            *(*SOCKFLEET, "merge", str(part), "-o", str(out)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 128 + number
    assert result.stderr == f"sockfleet: stopped by {number.name}\n"
    assert {path.name for path in out.parent.iterdir()} <= {"all.json"}


def test_a_signal_whose_exception_is_lost_stops_the_scan_that_follows(tmp_path):
    """An exception raised in __del__ is printed and lost; `--repeat 0` would never end."""
    script = (
        "import signal, sys\n"
        "from sockfleet.cli import entry\n"
        "from sockfleet.scan.scan import Scan\n"
        "class Last:\n"
        "    def __del__(self): signal.raise_signal(signal.SIGINT)\n"
        "before = Scan.prepare\n"
        "def prepare(self):\n"
        "    before(self)\n"
        "    Last()\n"
        "Scan.prepare = prepare\n"
        "sys.argv = ['sockfleet', 'scan', '--repeat', '0', '-i', 'none', 'localhost,']\n"
        "entry.run()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 130, result.stderr


@each_signal
def test_a_signal_while_the_interpreter_ends_is_no_traceback(number):
    script = (
        "import atexit, signal, sys\n"
        f"atexit.register(signal.raise_signal, {number:d})\n"
        "from sockfleet.cli import entry\n"
        "sys.argv = ['sockfleet', 'schema']\n"
        "entry.run()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (128 + number, "")


@pytest.mark.parametrize("module", ["click", "orjson"])
def test_a_lack_of_memory_during_imports_is_named(tmp_path, module):
    """click is imported before the command line is read, orjson by the command."""
    (tmp_path / f"{module}.py").write_text(
        "import builtins\n"
        "class Left:\n"
        "    def __del__(self):\n"
        "        raise MemoryError  # as the end of an interpreter without memory\n"
        "builtins.left = Left()\n"
        "raise MemoryError\n"
    )
    words = ["scan", "localhost,", "-i", "none", "-f", "json"]
    result = run_sockfleet(*words, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (result.returncode, result.stdout) == (5, "")
    assert result.stderr.startswith("sockfleet: error: no memory left for this process")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("mebibytes", [*range(30, 60, 4), *range(60, 561, 100)])
def test_an_address_space_that_is_too_small_is_named(part, mebibytes):
    """``ulimit -v``: Python itself starts within 25 MiB; each limit ends another import.

    Some limit ends the process in a library in Rust, which aborts it: nothing can be said then.
    """
    words = " ".join([*SOCKFLEET, "scan", "here,", "-f", "json"])
    result = subprocess.run(
        ["sh", "-c", f"ulimit -v {mebibytes * 1024}; exec {words}"],
        env={**os.environ, "SOCKFLEET_CONNECT_TIMEOUT": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in result.stderr
    assert result.returncode in {4, 5, -signal.SIGABRT, -signal.SIGSEGV}, result.stderr
    if result.returncode == 5:
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("sockfleet: error: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "out.json"], "-o out.json: the working folder no longer exists"),
        (["--config", "c.toml"], "cannot read the configuration c.toml: No such file or directory"),
        (["--lock", "lock"], "--lock lock: No such file or directory"),
    ],
)
def test_a_working_folder_that_was_deleted_is_no_traceback(part, tmp_path, words, message):
    folder = tmp_path / "deleted"
    folder.mkdir()
    (tmp_path / "here.ini").write_text("here ansible_connection=local\n")
    command = [*SOCKFLEET, "scan", str(tmp_path / "here.ini"), *words]
    result = subprocess.run(
        ["sh", "-c", 'cd "$1"; rmdir "$1"; shift; exec "$@"', "sh", str(folder), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (2, f"sockfleet: error: {message}\n")


def test_a_deleted_working_folder_does_not_matter_for_absolute_paths(part, tmp_path):
    folder = tmp_path / "deleted"
    folder.mkdir()
    command = [*SOCKFLEET, "merge", str(part), "-o", str(tmp_path / "all.json")]
    subprocess.run(
        ["sh", "-c", 'cd "$1"; rmdir "$1"; shift; exec "$@"', "sh", str(folder), *command],
        check=True,
        timeout=60,
    )
    assert json.loads((tmp_path / "all.json").read_bytes())["fleet"]["hosts"]["total"] == 2


def test_nohup_makes_a_command_ignore_sighup(part, tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        inject = "inject=rename:signal=HUP"
        subprocess.run(
            [
                *("strace", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=rename"),
                *("-e", inject, *SOCKFLEET, "merge", str(part), "-o", str(tmp_path / "all.json")),
            ],
            check=True,
            timeout=60,
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    assert run_sockfleet("merge", tmp_path / "all.json").returncode == 0

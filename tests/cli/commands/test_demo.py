"""``sockfleet demo`` as a new user runs it, and as a signal stops it."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from sockfleet.cli.commands import demo
from tests.support.cli.command_process import SOCKFLEET, children_of, run_sockfleet
from tests.support.paths import EXAMPLES

COMMAND = [*SOCKFLEET, "demo"]


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder in which the demo makes its own; empty again once the demo has ended."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    return place


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_sockfleet("demo", *arguments, timeout=None)


def test_the_default_fleet_is_scanned_and_removed(temporary):
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\n\$ sockfleet scan \S+/inventory\.yml --known-hosts ", done.stdout)
    assert "TCP_CLOSE" in done.stdout
    table = done.stdout[done.stdout.index("TCP_CLOSE") :]
    assert table.index("shop3") < table.index("docker") < table.index("web01")
    assert "numbers they hold, 1 refused, 1 hostkey_changed, 1 auth_denied." in done.stdout
    assert "Where to go next:" in done.stdout
    assert list(temporary.iterdir()) == []


def test_the_report_ends_a_made_fortnight_with_the_real_scan(temporary, tmp_path):
    page = tmp_path / "demo.html"
    done = run("--report", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{page}: Three hosts leak sockets. The first is at its limit in " in done.stdout
    text = page.read_text()
    assert "A demonstration: all scans before the last one are made up." in text
    assert "<em>Three hosts</em> leak sockets." in text
    for name, held in (("shop1", "3,993"), ("shop2", "4,605"), ("shop3", "15,391")):
        assert name in text
        assert held in text
    assert list(temporary.iterdir()) == []
    code = run("--report", str(tmp_path / "none" / "demo.html"))
    assert code.returncode == 2
    assert "there is no folder" in code.stderr


def test_the_same_seed_gives_the_same_numbers(temporary):
    first, again, other = (
        run("--scenario", str(EXAMPLES / "scenario.yml"), "--hosts", "18", "--seed", seed)
        for seed in "778"
    )
    assert first.returncode == 0
    assert first.stderr.startswith("sockfleet: warning: 1 host not read, as 1 host key is in no kn")
    assert first.stdout.startswith("18 simulated hosts answer on port ")
    assert "checkout1" in first.stdout
    assert numbers(first) == numbers(again) != numbers(other)


def numbers(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if re.match(r"(front|node)\d ", line)]


def test_settings_of_the_user_do_not_change_the_demo(temporary, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_LIMIT", "nobody")
    assert run("--scenario", str(EXAMPLES / "scenario.yml")).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scenario", "missing.yml"], "sockfleet: error: missing.yml: cannot be read:"),
        (["--hosts", "3"], "sockfleet: error: hosts: 3: at least "),
        (["--hosts", "0"], "sockfleet: error: --hosts: 0 is not in the range"),
        (["--seed", "-1"], "sockfleet: error: --seed: -1 is not in the range"),
    ],
)
def test_a_usage_error_leaves_no_folder(temporary, arguments, expected):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert list(temporary.iterdir()) == []


def test_a_result_other_than_planned_is_shown_and_exits_1(temporary, mocker):
    mocker.patch.object(demo, "find_differences", return_value=["web01: alloc 1, the truth is 2"])
    result = CliRunner().invoke(
        demo.command, ["--hosts", "18", "--scenario", str(EXAMPLES / "scenario.yml")]
    )
    assert result.exit_code == 1
    assert "This is not what was simulated:\n  web01: alloc 1, the truth is 2\n" in result.output
    assert "Where to go next" not in result.output


@pytest.mark.parametrize("content", [None, "", "[1"])
def test_a_scan_that_leaves_no_json_exits_1(temporary, mocker, content):
    def no_scan(arguments: list[str]) -> None:
        if content is not None:
            Path(arguments[arguments.index("-o") + 1]).write_text(content)

    mocker.patch.object(demo, "_run", no_scan)
    result = CliRunner().invoke(demo.command, ["--scenario", str(EXAMPLES / "scenario.yml")])
    assert result.exit_code == 1
    assert "the scan left no JSON" in result.output
    assert list(temporary.iterdir()) == []


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def has_connection(port: int) -> bool:
    """Whether a simulated host has a connection: state 01 of proc_net_tcp(5)."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def wait_until_ended(pids: list[int]) -> None:
    """Wait for each process to end; by pidfd, because they are no children of this process."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        with os.fdopen(handle):
            assert select.select([handle], [], [], 60)[0], pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_scan_removes_everything(temporary, tmp_path, number):
    scenario = tmp_path / "slow.yml"
    scenario.write_text("roles: {web: {profile: web}, stuck: {fault: hangs}}")
    with start("--scenario", str(scenario)) as process:
        port = int(re.search(r"on port (\d+)", process.stdout.readline())[1])
        while not has_connection(port):
            assert process.poll() is None
            select.select([], [], [], 0.01)
        running = children_of(process.pid)
        process.send_signal(number)
        assert process.wait(60) == 128 + number
        process.stdout.read()
        assert "Traceback" not in process.stderr.read()
    wait_until_ended(running)
    assert list(temporary.iterdir()) == []


def run_printed(line: str, setup: str = "") -> subprocess.CompletedProcess[str]:
    """Run a printed command in a shell, in the folder of the demo."""
    command = line.strip().split("  ")[0]
    return subprocess.run(
        ["sh", "-c", f"{setup}\n{command}"], capture_output=True, text=True, check=False
    )


def test_the_last_commands_work_where_the_demo_was_run(temporary):
    """Without a terminal: the fleet has ended."""
    done = run("--scenario", str(EXAMPLES / "scenario.yml"))
    commands = done.stdout.partition("Where to go next:\n")[2].splitlines()
    assert [line.split("  ")[1].split(" ", 1)[1] for line in commands] == ["demo --keep", "explain"]
    with subprocess.Popen(
        ["sh", "-c", f"exec {commands[0].strip().split('  ')[0]} --scenario missing.yml"],
        stderr=subprocess.PIPE,
        text=True,
    ) as keep:
        assert keep.stderr.read().startswith("sockfleet: error: missing.yml: cannot be read")
    explained = run_printed(commands[1])
    assert (explained.returncode, explained.stderr) == (0, "")


def test_at_a_terminal_the_fleet_stays_and_the_printed_commands_work_on_it(temporary):
    controller, terminal = os.openpty()
    words = [*COMMAND, "--scenario", str(EXAMPLES / "scenario.yml")]
    with (
        subprocess.Popen(
            words, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
        ) as process,
        os.fdopen(controller, "rb", buffering=0) as screen,
    ):
        os.close(terminal)
        shown = b""
        while not re.search(rb"--repeat 3 --interval 2[^\n]*\n", shown):
            shown += screen.read(65536)
        lines = shown.decode().replace("\r", "").splitlines()
        start = next(i for i, line in enumerate(lines) if "until you press Ctrl-C" in line)
        setup, *commands = lines[start + 1 :]
        assert setup.startswith("  export SOCKFLEET_CONFIG=")
        ended = [run_printed(line, setup) for line in commands]
        assert [done.returncode for done in ended] == [0, 3, 1, 3]
        explained, compared, checked, repeated = (done.stdout for done in ended)
        assert "held-closed" in explained
        assert "CHANGE" in compared
        assert checked.startswith("SOCKFLEET WARNING")
        assert repeated.count("TCP_CLOSE") >= 1
        running = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    wait_until_ended(running)
    assert list(temporary.iterdir()) == []


def test_keep_serves_the_fleet_until_a_signal(temporary):
    with start("--scenario", str(EXAMPLES / "scenario.yml"), "--keep") as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "until you press Ctrl-C" in line:
                break
        command_line = next(line for line in lines if line.startswith("$ sockfleet "))
        assert run_sockfleet(*shlex.split(command_line)[2:], timeout=None).returncode == 3
        running = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read().count("\n") == 1  # the command that trusts the unknown host
    wait_until_ended(running)
    assert list(temporary.iterdir()) == []

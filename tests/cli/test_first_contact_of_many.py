"""The first contact with many hosts, on a screen, and where nobody can answer: lean servers."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from sockfleet.scan.hooks import ScanHooks, UnknownKeys
from sockfleet.scan.options import ScanOptions
from sockfleet.scan.scan import run_scan
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.cli.command_process import SOCKFLEET, read_terminal
from tests.support.cli.terminal import Terminal
from tests.support.cli.terminal_session import TerminalSession

QUESTION = "Trust these keys, and read them now (yes/no/[fingerprint])? "
PATIENT = ("--timeout", "120", "--connect-timeout", "120")  # the machine may be busy
HOSTS = 1000


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeanFleetProcess]:
    """Hosts with a key each; their files are in the folder of the fleet."""
    folder = tmp_path_factory.mktemp("fleet")
    scenario = folder / "scenario.yml"
    scenario.write_text(f"roles: {{web: {{count: {HOSTS}, profile: idle}}}}\n")
    with LeanFleetProcess(folder, scenario) as fleet:
        yield fleet


@pytest.fixture
def words(fleet: LeanFleetProcess, tmp_path: Path) -> tuple[str, ...]:
    """The options of a scan that knows no host key yet."""
    known = ("--known-hosts", str(tmp_path / "known_hosts"))
    return ("scan", str(fleet.inventory), *known, *PATIENT)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_thousand_hosts_are_one_question_of_twenty_keys_and_a_count(words, tmp_path):
    with TerminalSession(*words, "-f", "json", limit_s=300) as session:
        session.wait_for(QUESTION)
        lines = session.seen.splitlines()
        counted = f"1,000 host keys of 1,000 hosts not in {tmp_path / 'known_hosts'}:"
        assert sum(line.endswith(counted) for line in lines) == 1  # the bar before it is erased
        assert "  and 980 more keys of 980 hosts" in lines
        assert sum(line.startswith("  SHA256:") for line in lines) == 20
        session.type("yes\n")
        code, output = session.end()
    assert (code, json.loads(output)["fleet"]["hosts"]) == (
        0,
        {"total": HOSTS, "ok": HOSTS, "failed": 0},
    )
    assert session.seen.count(QUESTION) == 1
    assert "scanning" in session.seen.partition(QUESTION)[2], "the bar goes on after the answer"
    assert f"new host keys added to {tmp_path / 'known_hosts'}: 1000\n" in session.seen
    assert len((tmp_path / "known_hosts").read_text().splitlines()) == HOSTS


def test_one_fingerprint_of_many_trusts_its_host_alone(words, fleet, tmp_path):
    with TerminalSession(*words, "-l", "web01*", "-f", "json") as session:
        session.wait_for(QUESTION)
        shown = next(line for line in session.seen.splitlines() if "SHA256:" in line)
        session.type(f"{shown.split()[0]}\n")
        code, output = session.end()
    hosts = json.loads(output)["hosts"]
    assert code == 3
    assert [host["name"] for host in hosts if host["status"] == "ok"] == [shown.split()[-1]]
    assert len((tmp_path / "known_hosts").read_text().splitlines()) == 1


def test_the_question_comes_before_the_screen_of_a_repeated_scan(words, tmp_path):
    line = shlex.join(("sockfleet", *words, "-l", "web000*", "--repeat", "0", "--interval", "1"))
    with Terminal(tmp_path, 120, 40) as terminal:
        terminal.type(line)
        shown = terminal.wait_for("Trust these keys, and read them now")
        assert terminal.shows("alternate_on") == "0"
        assert "9 host keys of 9 hosts" in shown or "10 host keys of 10 hosts" in shown
        terminal.type("yes")
        terminal.wait_for("Round 2, ")
        assert terminal.shows("alternate_on") == "1"
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.shows("alternate_on") == "0"
        assert "Trust these keys" not in terminal.screen().partition("Round")[2]


@pytest.mark.parametrize(
    ("key", "code"), [("C-c", 130), ("C-d", 4), ("no", 4)], ids=["Ctrl-C", "end of file", "no"]
)
def test_an_answer_of_no_ends_a_repeated_scan_of_unknown_hosts_alone(words, tmp_path, key, code):
    """Ctrl-C ends the scan; after the others each round shows why no host was read."""
    line = shlex.join(("sockfleet", *words, "-l", "web000*", "--repeat", "2", "--interval", "1"))
    with Terminal(tmp_path, 120, 40) as terminal:
        terminal.type(line)
        terminal.wait_for("Trust these keys, and read them now")
        terminal.press(key)
        if key == "no":
            terminal.press("Enter")
        assert terminal.wait_for_exit() == code
        shown = terminal.screen()
        assert "Traceback" not in shown
        assert shown.count("Trust these keys") <= 1
        assert terminal.shows("alternate_on") == "0"
        assert terminal.shows("cursor_flag") == "1"
    assert not (tmp_path / "known_hosts").exists()


def test_the_time_of_an_answer_does_not_count_against_the_deadline(fleet, tmp_path, monkeypatch):
    """The deadline passes while the question stands; the hosts are read nevertheless."""
    hours = 0

    def answer_in_an_hour(unknown: UnknownKeys) -> set[str]:
        nonlocal hours
        hours += 1
        return {key.fingerprint for key in unknown.keys}

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * hours)
    monkeypatch.setattr("sockfleet.scan.scan.time", clock)
    options = ScanOptions(
        inventory=[str(fleet.inventory)],
        limit="web000*",
        known_hosts=[str(tmp_path / "known_hosts")],
        deadline_s=600,
    )
    result = run_scan(options, ScanHooks(confirm_keys=answer_in_an_hour))
    assert (hours, result.complete, result.summary.fleet.hosts.failed) == (1, True, 0)


def test_nobody_is_asked_where_the_terminal_is_not_ours(words):
    """stderr is a terminal, but no process of this session may read from it."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*SOCKFLEET, *words, "-l", "web000*", "-f", "json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "COLUMNS": "4000"},
        start_new_session=True,
    ) as process:
        os.close(follower)
        seen = read_terminal(leader).decode()
        assert process.stdout is not None
        failed = json.loads(process.stdout.read())["fleet"]["failures"]
    assert process.returncode == 4
    assert "Trust these keys" not in seen
    (line,) = [line for line in seen.splitlines() if "accept-new" in line]
    hosts = re.search(r"warning: ([0-9]+) hosts not read", line)
    assert hosts is not None
    assert failed == {"hostkey_unknown": int(hosts[1])}
    command = shlex.split(line.partition("never a changed one: ")[2])
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0

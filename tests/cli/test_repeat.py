"""``sockfleet scan --repeat`` as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockfleet.output.machine.schema import load_schema
from tests.support.ssh.sshd import Sshd

SOCKFLEET = [sys.executable, "-m", "sockfleet.cli"]
SOON = "0.1"


def sockfleet(*words, cwd=None, **options):
    options = {"capture_output": True, "text": True, "check": False, "timeout": 60} | options
    return subprocess.run([*SOCKFLEET, *map(str, words)], cwd=cwd, **options)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    addresses = [f"127.0.0.{n}" for n in (1, 2)]
    with Sshd(folder, addresses=addresses, config=("SetEnv HOME=/nonexistent",)) as running:
        yield running


@pytest.fixture
def fleet(server: Sshd, tmp_path: Path) -> list[str]:
    """The options for two good hosts and one where nothing listens."""
    (tmp_path / "known_hosts").write_text(server.known_hosts_lines())
    (tmp_path / "inventory.yml").write_text(
        f"""
all:
  vars:
    ansible_port: {server.port}
    ansible_user: {server.user}
    ansible_ssh_private_key_file: {server.client_key}
  children:
    good:
      hosts:
        web1: {{ansible_host: 127.0.0.1}}
        web2: {{ansible_host: 127.0.0.2}}
    bad:
      hosts:
        closed: {{ansible_host: 127.0.0.1, ansible_port: 1}}
"""
    )
    return ["scan", "inventory.yml", "--known-hosts", "known_hosts", "--interval", SOON]


@pytest.fixture
def sound(fleet: list[str]) -> list[str]:
    return [*fleet, "-l", "good"]


def lines_of(text: str) -> list[dict]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_each_round_is_a_line_for_each_host_and_one_for_the_fleet(sound, tmp_path):
    done = sockfleet(*sound, "--repeat", "3", "-f", "ndjson", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("gave one boot id") == 1, "once, and not in each round"
    lines = lines_of(done.stdout)
    kinds = ["fleet" if "fleet" in line else line["name"] for line in lines]
    assert [sorted(kinds[n : n + 2]) for n in (0, 3, 6)] == [["web1", "web2"]] * 3
    assert [kinds[n] for n in (2, 5, 8)] == ["fleet"] * 3
    assert [line["round"] for line in lines] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    hosts = [line for line in lines if "name" in line]
    assert all(host["sampled_at"] <= lines[-1]["started_at"] for host in hosts[:2])
    assert all("rank" not in host for host in hosts)
    assert all("change" not in host for host in hosts[:2])
    for host in hosts[2:]:
        assert host["change"]["status"] == "compared"
        assert host["change"]["rate_per_hour"]["alloc"] is not None
        assert host["scope"] == "all-namespaces"


def test_every_line_is_as_the_schema_says(fleet, tmp_path):
    import jsonschema

    done = sockfleet(*fleet, "--repeat", "2", "-f", "ndjson", cwd=tmp_path)
    validator = jsonschema.Draft202012Validator(load_schema("ndjson"))
    lines = lines_of(done.stdout)
    assert lines
    for line in lines:
        assert [str(error) for error in validator.iter_errors(line)] == []


def test_rates_are_those_of_the_two_samples(sound, tmp_path):
    words = [*sound, "-l", "web1", "--repeat", "0", "-f", "ndjson"]
    with ExitStack() as held, running(words, tmp_path) as process:
        seen = {}
        while True:
            line = json.loads(process.stdout.readline())
            if "fleet" not in line:
                seen[line["round"]] = line
                continue
            if line["round"] == 3:
                for _ in range(100):
                    held.enter_context(socket.socket())
            if line["round"] == 4:
                break
        process.send_signal(signal.SIGINT)
        change = seen[4]["change"]
        assert change["tcp_close"] > 50, "other processes of the machine may have closed some"
        apart_s = moment(seen[4]) - moment(seen[3])
        rate = change["rate_per_hour"]["tcp_close"]
        assert rate == pytest.approx(change["tcp_close"] * 3600 / apart_s, rel=0.2)


def moment(line: dict) -> float:
    from datetime import datetime

    return datetime.fromisoformat(line["sampled_at"]).timestamp()


def running(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SOCKFLEET, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_quietly_with_whole_lines(sound, tmp_path, number):
    with running([*sound, "--repeat", "0", "-f", "ndjson", "-q"], tmp_path) as process:
        first = [process.stdout.readline() for _ in range(6)]
        process.send_signal(number)
        rest, told = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert told == ""
    lines = lines_of("".join(first) + rest)
    assert "fleet" in lines[-1]
    assert len(lines) % 3 == 0


def test_a_closed_pipe_ends_it(sound, tmp_path):
    with running([*sound, "--repeat", "0", "-f", "ndjson", "-q"], tmp_path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""


def test_a_closed_pipe_ends_tables_too(sound, tmp_path):
    with running([*sound, "--repeat", "0"], tmp_path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 0


def test_the_exit_code_tells_of_all_rounds(fleet, tmp_path):
    done = sockfleet(*fleet, "--repeat", "2", "-f", "ndjson", cwd=tmp_path)
    assert done.returncode == 3
    none = sockfleet(*fleet, "-l", "bad", "--repeat", "2", "-f", "ndjson", cwd=tmp_path)
    assert none.returncode == 4
    assert lines_of(none.stdout)[-1]["fleet"]["failures"] == {"refused": 1}


def test_tables_follow_each_other_with_what_changed(sound, tmp_path):
    done = sockfleet(*sound, "--repeat", "2", cwd=tmp_path)
    assert done.returncode == 0
    first, second = done.stdout.split("Round 2, ")
    assert first.startswith("Round 1, ")
    assert "PER_HOUR" not in first
    assert "PER_HOUR" in second
    assert first.endswith("\n\n")
    assert "\x1b" not in done.stdout


def test_on_a_terminal_the_table_is_drawn_anew(sound, tmp_path):
    ours, theirs = pty.openpty()
    with running_on(theirs, [*sound, "--repeat", "2", "-q"], tmp_path) as process:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 65536):
                seen += data
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
        assert process.wait() == 0
    assert seen.count(b"\x1b[H\x1b[2J") == 2


def running_on(terminal: int, words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TERM": "xterm"}
    return subprocess.Popen(
        [*SOCKFLEET, *words], cwd=folder, stdout=terminal, stderr=terminal, env=environment
    )


def test_files_are_written_anew_in_each_round(sound, tmp_path):
    outputs = ["-o", "scan.json", "-o", "scan.prom"]
    with running([*sound, "--repeat", "0", "-f", "ndjson", *outputs], tmp_path) as process:
        seen = []
        while len(seen) < 3:
            line = json.loads(process.stdout.readline())
            if "fleet" in line:
                saved = json.loads((tmp_path / "scan.json").read_text())
                assert line["round"] >= saved["scan"]["round"] >= line["round"] - 1
                seen.append(saved["scan"]["round"])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    last = json.loads((tmp_path / "scan.json").read_text())
    assert {host["round"] for host in last["hosts"]} == {last["scan"]["round"]}
    assert (tmp_path / "scan.prom").read_text().startswith("# HELP")
    again = sockfleet(*sound, "--against", "scan.json", "-f", "json", cwd=tmp_path)
    assert json.loads(again.stdout)["fleet"]["change"]["compared"] == 2


def test_the_first_round_is_compared_with_a_saved_scan(sound, tmp_path):
    assert sockfleet(*sound, "-o", "before.json", cwd=tmp_path).returncode == 0
    words = [*sound, "--against", "before.json", "--repeat", "2", "-f", "ndjson"]
    lines = lines_of(sockfleet(*words, cwd=tmp_path).stdout)
    saved = json.loads((tmp_path / "before.json").read_text())["scan"]
    fleets = [line["fleet"]["change"]["against"] for line in lines if "fleet" in line]
    assert fleets[0]["id"] == saved["id"]
    assert fleets[1]["id"] != saved["id"]
    assert fleets[1]["started_at"] == lines[2]["started_at"]


@pytest.mark.parametrize("chosen", ["json", "csv", "prometheus"])
def test_a_format_that_cannot_follow_itself_is_refused_before_any_host(sound, tmp_path, chosen):
    done = sockfleet(*sound, "--repeat", "2", "-f", chosen, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--format {chosen} cannot be repeated" in done.stderr
    assert "ndjson" in done.stderr


@pytest.mark.parametrize("words", [["--workers", "2"], ["--dask", "local"]])
def test_several_processes_are_refused(sound, tmp_path, words):
    done = sockfleet(*sound, "--repeat", "2", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--repeat keeps its connections in one process" in done.stderr


def test_the_deadline_is_that_of_all_rounds(sound, tmp_path):
    done = sockfleet(*sound, "--repeat", "0", "--deadline", "2", "-f", "ndjson", cwd=tmp_path)
    assert done.returncode in (0, 3)
    assert "fleet" in lines_of(done.stdout)[-1]


def test_with_few_descriptors_hosts_take_turns(fleet, tmp_path):
    limited = ["sh", "-c", 'ulimit -n 66; exec "$@"', "sh", *SOCKFLEET, *fleet]
    words = [*limited, "--repeat", "3", "-f", "ndjson"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "2 of 3 hosts are asked over a new connection in each round" in done.stderr
    fleets = [line["fleet"]["hosts"] for line in lines_of(done.stdout) if "fleet" in line]
    assert fleets == [{"total": 3, "ok": 2, "failed": 1}] * 3


def test_the_lock_is_held_throughout(sound, tmp_path):
    words = [*sound, "--lock", "run.lock"]
    with running([*words, "--repeat", "0", "-f", "ndjson"], tmp_path) as process:
        for _ in range(4):
            process.stdout.readline()
        assert sockfleet(*words, cwd=tmp_path).returncode == 75
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert sockfleet(*words, cwd=tmp_path).returncode == 0


def test_it_says_by_what_each_host_is_sampled(sound, tmp_path):
    done = sockfleet(*sound, "--repeat", "2", "-f", "ndjson", "-v", cwd=tmp_path)
    assert "web1 is sampled by a shell that stays" in done.stderr
    done = sockfleet(*sound, "--no-namespaces", "--repeat", "2", "-f", "ndjson", "-v", cwd=tmp_path)
    assert "web1 is sampled by SFTP" in done.stderr


def test_the_commands_of_a_host_are_shown():
    shown = sockfleet("scan", "--print-probe", "--repeat", "0").stdout.splitlines()
    assert ["while read -r w a" in line for line in shown] == [False, True]
    for words in (["--become"], ["--processes"], ["--probe", "forced"]):
        once = sockfleet("scan", "--print-probe", "--repeat", "0", *words).stdout.splitlines()
        assert len(once) == 1


def test_one_round_and_interval_alone(sound, tmp_path):
    done = sockfleet(*sound, "--repeat", "1", "-f", "ndjson", cwd=tmp_path)
    assert [line["round"] for line in lines_of(done.stdout)] == [1, 1, 1]
    plain = sockfleet(*sound, "-f", "ndjson", cwd=tmp_path)
    assert all("round" not in line for line in lines_of(plain.stdout))

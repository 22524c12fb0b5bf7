"""``sockfleet scan --repeat`` as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockfleet.output.machine.schema import load_schema
from tests.support.cli.command_process import (
    SOCKFLEET,
    read_terminal,
    run_sockfleet,
    start_on_terminal,
)
from tests.support.ssh.sshd import Sshd

INTERVAL_S = "0.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    addresses = [f"127.0.0.{n}" for n in (1, 2)]
    with Sshd(folder, addresses=addresses) as running:
        yield running


@pytest.fixture
def fleet(server: Sshd, tmp_path: Path) -> list[str]:
    """The options for two good hosts and one that refuses connections."""
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
    # No host is slow but for what else this machine does.
    limits = ["--connect-timeout", "50", "--timeout", "55"]
    words = ["scan", "inventory.yml", "--known-hosts", "known_hosts", *limits]
    return [*words, "--interval", INTERVAL_S]


@pytest.fixture
def good_hosts(fleet: list[str]) -> list[str]:
    return [*fleet, "-l", "good"]


def parse_lines(text: str) -> list[dict]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_each_round_prints_a_line_for_each_host_and_one_for_the_fleet(good_hosts, tmp_path):
    done = run_sockfleet(*good_hosts, "--repeat", "3", "-f", "ndjson", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("gave one boot id") == 1, "once, and not in each round"
    lines = parse_lines(done.stdout)
    kinds = ["fleet" if "fleet" in line else line["name"] for line in lines]
    assert [sorted(kinds[n : n + 2]) for n in (0, 3, 6)] == [["web1", "web2"]] * 3
    assert [kinds[n] for n in (2, 5, 8)] == ["fleet"] * 3
    assert [line["round"] for line in lines] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    hosts = [line for line in lines if "name" in line]
    assert all(host["read_at"] == host["sampled_at"] for host in hosts)
    assert all(line["read_at"] >= line["started_at"] for line in lines if "fleet" in line)
    assert all(host["sampled_at"] <= lines[-1]["started_at"] for host in hosts[:2])
    assert all("rank" not in host for host in hosts)
    assert all("change" not in host for host in hosts[:2])
    for host in hosts[2:]:
        assert host["change"]["status"] == "compared"
        assert host["change"]["rate_per_hour"]["alloc"] is not None
        assert_exact_but_for_others(host)


def assert_exact_but_for_others(host: dict) -> None:
    """All namespaces are read, unless programs that share the machine begin in new ones."""
    reasons = host.get("scope_reasons", [])
    assert all("began" in why for why in reasons), reasons
    assert host["scope"] == ("visible-namespaces" if reasons else "all-namespaces")


def test_every_line_conforms_to_the_schema(fleet, tmp_path):
    import jsonschema

    done = run_sockfleet(*fleet, "--repeat", "2", "-f", "ndjson", cwd=tmp_path)
    validator = jsonschema.Draft202012Validator(load_schema("ndjson"))
    lines = parse_lines(done.stdout)
    assert lines
    for line in lines:
        assert [str(error) for error in validator.iter_errors(line)] == []


def test_a_rate_is_computed_from_two_consecutive_samples(good_hosts, tmp_path):
    words = [*good_hosts, "-l", "web1", "--repeat", "0", "-f", "ndjson"]
    with start(words, tmp_path) as process:

        def read_sample() -> dict:
            host, _ = (json.loads(process.stdout.readline()) for _ in range(2))
            return host

        before, after = read_sample(), read_sample()
        # Other processes may close a hundred sockets in the same round: hardly in each try.
        for _ in range(20):
            with ExitStack() as sockets:
                for _ in range(100):
                    sockets.enter_context(socket.socket())
                # On a busy machine some rounds before this one may still be unread.
                for _ in range(20):
                    before, after = after, read_sample()
                    if after["change"]["tcp_close"] > 50:
                        break
            if after["change"]["tcp_close"] > 50:
                break
        process.send_signal(signal.SIGINT)
        change = after["change"]
        assert change["tcp_close"] > 50, "100 sockets more, minus those that other processes closed"
        apart_s = sampled_at(after) - sampled_at(before)
        rate = change["rate_per_hour"]["tcp_close"]
        assert rate == pytest.approx(change["tcp_close"] * 3600 / apart_s, rel=0.2)


def sampled_at(line: dict) -> float:
    from datetime import datetime

    return datetime.fromisoformat(line["sampled_at"]).timestamp()


def start(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SOCKFLEET, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_quietly_after_complete_rounds(good_hosts, tmp_path, number):
    with start([*good_hosts, "--repeat", "0", "-f", "ndjson", "-q"], tmp_path) as process:
        first = [process.stdout.readline() for _ in range(6)]
        process.send_signal(number)
        rest, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert stderr == ""
    lines = parse_lines("".join(first) + rest)
    assert "fleet" in lines[-1]
    assert len(lines) % 3 == 0


def test_a_closed_pipe_ends_the_run(good_hosts, tmp_path):
    with start([*good_hosts, "--repeat", "0", "-f", "ndjson", "-q"], tmp_path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""


def test_a_closed_pipe_ends_a_run_that_prints_tables(good_hosts, tmp_path):
    with start([*good_hosts, "--repeat", "0"], tmp_path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0


def test_the_exit_code_covers_all_rounds(fleet, tmp_path):
    done = run_sockfleet(*fleet, "--repeat", "2", "-f", "ndjson", cwd=tmp_path)
    assert done.returncode == 3
    none = run_sockfleet(*fleet, "-l", "bad", "--repeat", "2", "-f", "ndjson", cwd=tmp_path)
    assert none.returncode == 4
    assert parse_lines(none.stdout)[-1]["fleet"]["failures"] == {"refused": 1}


def test_each_round_prints_a_table_and_later_ones_the_change(good_hosts, tmp_path):
    done = run_sockfleet(*good_hosts, "--repeat", "2", cwd=tmp_path)
    assert done.returncode == 0
    first, second = done.stdout.split("Round 2, ")
    assert first.startswith("Round 1, ")
    assert "CHANGE" not in first
    assert "CHANGE" in second
    assert "PER_HOUR" not in second, "a tenth of a second says nothing about an hour"
    assert first.endswith("\n\n")
    assert "\x1b" not in done.stdout


def test_a_terminal_is_drawn_on_its_second_screen(good_hosts, tmp_path):
    ours, theirs = pty.openpty()
    with start_on_terminal(theirs, [*good_hosts, "--repeat", "2", "-q"], tmp_path) as process:
        os.close(theirs)
        output = read_terminal(ours)
        assert process.wait() == 0
    drawn, printed = output.split(b"\x1b[?1049l")
    assert drawn.startswith(b"\x1b[?1049h")
    assert b"Round 2, " in drawn
    assert printed.count(b"Round 2, ") == 1, "the last state stays"
    assert b"\x1b[H" not in printed


def test_output_files_are_replaced_in_each_round(good_hosts, tmp_path):
    outputs = ["-o", "scan.json", "-o", "scan.prom"]
    with start([*good_hosts, "--repeat", "0", "-f", "ndjson", *outputs], tmp_path) as process:
        seen = []
        while len(seen) < 3:
            line = json.loads(process.stdout.readline())
            if "fleet" in line:
                saved = json.loads((tmp_path / "scan.json").read_text())
                # On a busy machine later rounds may have been written since this line.
                assert saved["scan"]["round"] >= line["round"] - 1
                seen.append(saved["scan"]["round"])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    last = json.loads((tmp_path / "scan.json").read_text())
    assert {host["round"] for host in last["hosts"]} == {last["scan"]["round"]}
    assert (tmp_path / "scan.prom").read_text().startswith("# HELP")
    again = run_sockfleet(*good_hosts, "--against", "scan.json", "-f", "json", cwd=tmp_path)
    assert json.loads(again.stdout)["fleet"]["change"]["compared"] == 2


def test_the_first_round_is_compared_with_a_saved_scan(good_hosts, tmp_path):
    assert run_sockfleet(*good_hosts, "-o", "before.json", cwd=tmp_path).returncode == 0
    words = [*good_hosts, "--against", "before.json", "--repeat", "2", "-f", "ndjson"]
    lines = parse_lines(run_sockfleet(*words, cwd=tmp_path).stdout)
    saved = json.loads((tmp_path / "before.json").read_text())["scan"]
    fleets = [line["fleet"]["change"]["against"] for line in lines if "fleet" in line]
    assert fleets[0]["id"] == saved["id"]
    assert fleets[1]["id"] != saved["id"]
    assert fleets[1]["started_at"] == lines[2]["started_at"]


@pytest.mark.parametrize("format_name", ["json", "csv", "prometheus"])
def test_a_format_of_one_document_is_refused_before_any_host_is_contacted(
    good_hosts, tmp_path, format_name
):
    done = run_sockfleet(*good_hosts, "--repeat", "2", "-f", format_name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--format {format_name} cannot be repeated" in done.stderr
    assert "ndjson" in done.stderr


@pytest.mark.parametrize("words", [["--workers", "2"], ["--dask", "local"]])
def test_workers_and_dask_are_refused(good_hosts, tmp_path, words):
    done = run_sockfleet(*good_hosts, "--repeat", "2", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--repeat keeps its connections in one process" in done.stderr


def test_the_deadline_covers_all_rounds(good_hosts, tmp_path):
    done = run_sockfleet(
        *good_hosts, "--repeat", "0", "--deadline", "4", "-f", "ndjson", cwd=tmp_path
    )
    assert done.returncode in (0, 3)
    assert "fleet" in parse_lines(done.stdout)[-1]


def test_hosts_beyond_the_descriptor_limit_get_a_new_connection_in_each_round(fleet, tmp_path):
    limited = ["sh", "-c", 'ulimit -n 66; exec "$@"', "sh", *SOCKFLEET, *fleet]
    words = [*limited, "--repeat", "3", "-f", "ndjson"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "2 of 3 hosts are asked over a new connection in each round" in done.stderr
    fleets = [line["fleet"]["hosts"] for line in parse_lines(done.stdout) if "fleet" in line]
    assert fleets == [{"total": 3, "ok": 2, "failed": 1}] * 3


def test_the_lock_is_held_during_all_rounds(good_hosts, tmp_path):
    words = [*good_hosts, "--lock", "run.lock"]
    with start([*words, "--repeat", "0", "-f", "ndjson"], tmp_path) as process:
        for _ in range(4):
            process.stdout.readline()
        assert run_sockfleet(*words, cwd=tmp_path).returncode == 75
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert run_sockfleet(*words, cwd=tmp_path).returncode == 0


def test_verbose_output_names_each_hosts_sampling_method(good_hosts, tmp_path):
    done = run_sockfleet(*good_hosts, "--repeat", "2", "-f", "ndjson", "-v", cwd=tmp_path)
    assert "web1 is sampled by a shell that stays" in done.stderr
    done = run_sockfleet(
        *good_hosts, "--no-namespaces", "--repeat", "2", "-f", "ndjson", "-v", cwd=tmp_path
    )
    assert "web1 is sampled by SFTP" in done.stderr


def test_print_probe_shows_the_commands_of_sampling():
    shown = run_sockfleet("scan", "--print-probe", "--repeat", "0").stdout.splitlines()
    assert ["while read -r w a" in line for line in shown] == [False, True]
    for words in (["--become"], ["--processes"], ["--probe", "forced"]):
        once = run_sockfleet("scan", "--print-probe", "--repeat", "0", *words).stdout.splitlines()
        assert len(once) == 1


def test_lines_have_a_round_only_with_repeat(good_hosts, tmp_path):
    done = run_sockfleet(*good_hosts, "--repeat", "1", "-f", "ndjson", cwd=tmp_path)
    assert [line["round"] for line in parse_lines(done.stdout)] == [1, 1, 1]
    plain = run_sockfleet(*good_hosts, "-f", "ndjson", cwd=tmp_path)
    assert all("round" not in line for line in parse_lines(plain.stdout))

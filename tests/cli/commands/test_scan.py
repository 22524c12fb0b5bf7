"""``sockfleet scan`` as a user runs it: a process, a real sshd, real exit codes."""

import csv
import json
import os
import pty
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cli.command_process import SOCKFLEET, read_terminal, run_sockfleet
from tests.support.ssh.sshd import Sshd, free_port


@pytest.fixture
def fleet(sshd: Sshd, tmp_path):
    """The options for an inventory of four good hosts and four that fail, each differently."""
    known_hosts = tmp_path / "known_hosts"
    good = sshd.known_hosts_lines("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
    known_hosts.write_text(good)
    closed = free_port()
    (tmp_path / "inventory.yml").write_text(
        f"""
all:
  vars:
    ansible_port: {sshd.port}
    ansible_ssh_private_key_file: {sshd.client_key}
  children:
    web:
      hosts:
        web1:
          ansible_host: 127.0.0.1
        web2:
          ansible_host: 127.0.0.2
    db:
      vars: {{role: storage}}
      hosts:
        db1: {{ansible_host: 127.0.0.3}}
        db2: {{ansible_host: 127.0.0.4}}
    bad:
      hosts:
        closed: {{ansible_host: 127.0.0.1, ansible_port: {closed}}}
        unknown-key: {{ansible_host: localhost}}
        denied: {{ansible_host: 127.0.0.1, ansible_user: nobody-{os.getpid()}}}
        no-such-name: {{ansible_host: no-such-name.invalid}}
"""
    )
    return ["inventory.yml", "--known-hosts", str(known_hosts), "--retries", "0"]


def test_good_hosts_are_read_and_failures_have_their_category(fleet, sshd, tmp_path):
    result = run_sockfleet("scan", *fleet, "-f", "json", cwd=tmp_path)
    assert result.returncode == 3, result.stderr
    document = json.loads(result.stdout)
    hosts = {host["name"]: host for host in document["hosts"]}
    good = ["db1", "db2", "web1", "web2"]
    # Sorted: the four names of one machine are ranked by counters that change between reads.
    assert sorted(name for name in hosts if hosts[name]["status"] == "ok") == good
    errors = {
        name: (h["error"]["category"], h["error"]["phase"])
        for name, h in hosts.items()
        if "error" in h
    }
    assert errors == {
        "closed": ("refused", "connect"),
        "denied": ("auth_denied", "auth"),
        "no-such-name": ("dns", "dns"),
        "unknown-key": ("hostkey_unknown", "kex"),
    }
    for name in good:
        tcp = hosts[name]["tcp"]
        assert tcp["closed"] == tcp["alloc"] - (tcp["inuse"] + tcp["inuse6"] - tcp["tw"])
        elsewhere = [one for one in hosts[name]["namespaces"] if not one["host"]]
        in_use = sum(one["inuse"] + (one["inuse6"] or 0) for one in elsewhere)
        assert tcp["tcp_close"] == tcp["alloc"] - tcp["inuse"] - tcp["inuse6"] - in_use
        assert (
            hosts[name]["address"]
            == {"web1": "127.0.0.1", "web2": "127.0.0.2", "db1": "127.0.0.3", "db2": "127.0.0.4"}[
                name
            ]
        )
        assert hosts[name]["port"] == sshd.port
    assert hosts["db1"]["groups"] == ["db"]
    assert "ssh-keyscan" in hosts["unknown-key"]["error"]["message"]
    assert document["fleet"]["hosts"] == {"total": 8, "ok": 4, "failed": 4}
    assert document["fleet"]["failures"] == {
        "auth_denied": 1,
        "dns": 1,
        "hostkey_unknown": 1,
        "refused": 1,
    }
    assert document["scan"]["complete"] is True
    assert document["scan"]["inventory"] == ["inventory.yml"]
    (same,) = document["fleet"]["same_machine"]
    assert same["hosts"] == good


def test_both_transports_give_the_same_document(fleet, tmp_path):
    documents = []
    for transport in ("asyncssh", "paramiko"):
        result = run_sockfleet("scan", *fleet, "-f", "json", "--transport", transport, cwd=tmp_path)
        assert result.returncode == 3, result.stderr
        document = json.loads(result.stdout)
        keys = ("name", "address", "port", "groups", "status", "attempts", "scope", "error")
        documents.append(sorted([host.get(key) for key in keys] for host in document["hosts"]))
    assert documents[0] == documents[1]


def test_the_table_fits_80_columns_and_lists_the_failures(fleet, tmp_path):
    result = run_sockfleet("scan", *fleet, cwd=tmp_path, env=os.environ | {"COLUMNS": "80"})
    assert "TCP_CLOSE" in result.stdout
    assert "4 of 8 hosts read" in result.stdout
    for words in ("4 hosts failed", "auth_denied", "hostkey_unknown", "refused", "dns"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines()[:6])) <= 80


def test_hosts_are_limited_by_a_pattern_or_by_an_earlier_scans_failures(fleet, tmp_path):
    first = run_sockfleet("scan", *fleet, "-l", "web:db:&bad:closed", "-o", "x.json", cwd=tmp_path)
    assert first.returncode == 4  # "closed" is the only host, and it fails
    assert first.stdout == ""
    listed = run_sockfleet("scan", *fleet, "-l", "web:!web2", "--list-hosts", cwd=tmp_path)
    assert listed.stdout == "web1\n"
    run_sockfleet("scan", *fleet, "-o", "scan.json", cwd=tmp_path)
    again = run_sockfleet("scan", *fleet, "--limit", "@scan.json", "--list-hosts", cwd=tmp_path)
    assert sorted(again.stdout.split()) == ["closed", "denied", "no-such-name", "unknown-key"]


def test_a_scan_without_failures_is_exit_0_and_silent_with_q(fleet, tmp_path):
    quiet = [*fleet, "-l", "web:db", "-q", "-o", "scan.json"]
    result = run_sockfleet("scan", *quiet, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert json.loads((tmp_path / "scan.json").read_text())["fleet"]["hosts"]["ok"] == 4
    assert (tmp_path / "scan.json").stat().st_mode & 0o777 == 0o600


def test_ndjson_ends_with_the_fleet_and_csv_has_empty_cells(fleet, tmp_path):
    began = datetime.now(UTC) - timedelta(milliseconds=1)  # the lines have milliseconds
    result = run_sockfleet("scan", *fleet, "-f", "ndjson", cwd=tmp_path)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    times = [datetime.fromisoformat(line["read_at"]) for line in lines]
    assert times == sorted(times)
    assert len(set(times[:-1])) > 1, "each has the time of its own reading"
    assert began <= times[0] < times[-1] <= datetime.now(UTC)
    assert sorted(line["name"] for line in lines[:-1]) == sorted(
        ["web1", "web2", "db1", "db2", "closed", "denied", "no-such-name", "unknown-key"]
    )
    assert lines[-1]["fleet"]["hosts"]["total"] == 8
    text = run_sockfleet("scan", *fleet, "-f", "csv", cwd=tmp_path).stdout
    rows = {row["name"]: row for row in csv.DictReader(text.splitlines())}
    assert len(rows) == 8
    assert rows["closed"]["tcp_close"] == ""
    assert int(rows["web1"]["tcp_close"]) >= 0


def test_hosts_are_grouped_by_a_variable(fleet, tmp_path):
    words = [*fleet, "-l", "web:db", "-f", "json", "--group-by", "role"]
    document = json.loads(run_sockfleet("scan", *words, cwd=tmp_path).stdout)
    assert document["groups"]["storage"]["hosts"]["total"] == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["missing.yml"], "missing.yml"),
        (["inventory.yml", "--sort", "nonsense"], "nonsense"),
        (["inventory.yml", "--group-by", "nonsense"], "nonsense"),
        (["inventory.yml", "-f", "nonsense"], "nonsense"),
        (["inventory.yml", "-l", "nothing-like-that"], "nothing-like-that"),
        (["inventory.yml", "-o", "no/such/folder.json"], "no folder"),
        (["inventory.yml", "-o", "file.nonsense"], ".nonsense"),
        (["inventory.yml", "--transport", "pigeon"], "pigeon"),
        (["inventory.yml", "--concurrency", "0"], "concurrency"),
        (["inventory.yml", "--timeout", "-1"], "timeout"),
        (["inventory.yml", "--agent"], "SSH_AUTH_SOCK"),
        (["inventory.yml", "--password-file", "missing"], "missing"),
        (["inventory.yml", "--threshold", "held_socket=3"], "did you mean held_sockets?"),
        (["inventory.yml", "--threshold", "tw_share=much"], "not a share"),
        (["inventory.yml", "--nonsense"], "nonsense"),
        (["broken.yml"], "broken.yml"),
        (["port.yml"], "99999"),
        (["jinja.yml"], "{{"),
        (["option.yml"], "-oProxyCommand"),
        (["args.yml"], "LocalCommand"),
        ([], "INVENTORY"),
    ],
)
def test_a_usage_error_is_exit_2_and_contacts_no_host(fleet, sshd, tmp_path, words, expected):
    (tmp_path / "broken.yml").write_text("all: {hosts: [")
    (tmp_path / "port.yml").write_text("all: {hosts: {a: {ansible_port: 99999}}}")
    (tmp_path / "jinja.yml").write_text("all: {hosts: {a: {ansible_host: '{{ x }}'}}}")
    (tmp_path / "option.yml").write_text("all: {hosts: {a: {ansible_host: -oProxyCommand=x}}}")
    args = "ansible_ssh_common_args: -o PermitLocalCommand=yes -o LocalCommand=x"
    (tmp_path / "args.yml").write_text(f"all: {{hosts: {{a: {{{args}}}}}}}")
    before = sshd.log.read_text()
    result = run_sockfleet("scan", *words, "--known-hosts", "known_hosts", cwd=tmp_path)
    assert result.returncode == 2, result.stdout + result.stderr
    assert expected in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sshd.log.read_text() == before


def test_a_closed_pipe_ends_the_scan_quietly(fleet, tmp_path):
    script = f"{' '.join(SOCKFLEET)} scan {' '.join(fleet)} -f ndjson | head -n 1"
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout)["name"]
    assert result.stderr == ""


def test_a_full_stdout_is_exit_5(fleet, tmp_path):
    with Path("/dev/full").open("wb") as full:
        result = run_sockfleet(
            "scan",
            *fleet,
            "-l",
            "web",
            cwd=tmp_path,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert result.returncode == 5
    assert "No space left" in result.stderr


def test_a_failed_output_does_not_prevent_the_others(fleet, tmp_path):
    result = run_sockfleet(
        "scan", *fleet, "-l", "web", "-o", "json:/dev/full", "-o", "a.json", cwd=tmp_path
    )
    assert result.returncode == 5
    assert json.loads((tmp_path / "a.json").read_text())


def start_silent_server():
    """Return a listener that never answers, and its port; its backlog accepts connections."""
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    return server, server.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_scan_with_every_host_listed(fleet, sshd, tmp_path, number):
    server, port = start_silent_server()
    (tmp_path / "slow.ini").write_text(
        f"[good]\n127.0.0.1 ansible_port={sshd.port}\n"
        f"[silent]\ns[1:50] ansible_host=127.0.0.1 ansible_port={port}\n"
    )
    with server:
        process = subprocess.Popen(
            [
                *SOCKFLEET,
                "scan",
                "slow.ini",
                "-i",
                str(sshd.client_key),
                "-f",
                "ndjson",
                "-c",
                "20",
                "--known-hosts",
                "known_hosts",
                "--connect-timeout",
                "300",
                "--timeout",
                "600",
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()  # the good host is done, the others are being read
        assert json.loads(first)["name"] == "127.0.0.1"
        signalled = time.monotonic()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
        took_s = time.monotonic() - signalled
    assert process.returncode == 128 + number, errors
    lines = [json.loads(line) for line in (first + rest).splitlines()]
    assert len(lines) == 52
    assert len({line["name"] for line in lines[:-1]}) == 51
    assert took_s < 20  # about two seconds; the bound only catches a hang


def test_a_deadline_ends_the_scan_and_lists_hosts_not_attempted(sshd, tmp_path):
    server, port = start_silent_server()
    (tmp_path / "slow.ini").write_text(f"s[1:4] ansible_host=127.0.0.1 ansible_port={port}\n")
    with server:
        result = run_sockfleet(
            "scan",
            "slow.ini",
            "-i",
            sshd.client_key,
            "-c",
            "2",
            "--deadline",
            "0.5",
            "-f",
            "json",
            cwd=tmp_path,
        )
    assert result.returncode == 4
    document = json.loads(result.stdout)
    assert document["scan"]["complete"] is False
    assert document["fleet"]["failures"] == {"deadline": 2, "not_attempted": 2}


def test_the_progress_bar_is_on_the_stderr_of_a_terminal_only(fleet, tmp_path):
    leader, follower = pty.openpty()
    result = run_sockfleet(
        "scan",
        *fleet,
        "-f",
        "csv",
        cwd=tmp_path,
        capture_output=False,
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    output = read_terminal(leader)
    assert b"scanning" in output
    assert b"8/8" in output
    assert "scanning" not in result.stdout


def test_options_may_come_from_the_environment(fleet, tmp_path):
    environment = os.environ | {"SOCKFLEET_LIMIT": "web1", "SOCKFLEET_FORMAT": "csv"}
    result = run_sockfleet("scan", *fleet, cwd=tmp_path, env=environment)
    assert len(result.stdout.splitlines()) == 2


def test_a_leak_is_diagnosed_by_the_thresholds(fleet, tmp_path):
    words = [*fleet, "-l", "web1", "-f", "json"]
    with ExitStack() as sockets:
        for _ in range(150):
            sockets.enter_context(socket.socket())
        # How many other sockets this machine has does not matter.
        high = os.environ | {"SOCKFLEET_THRESHOLD": "held_share=0 tw_sockets=1000000"}
        leaking = json.loads(run_sockfleet("scan", *words, cwd=tmp_path, env=high).stdout)
        low = os.environ | {"SOCKFLEET_THRESHOLD": "held_sockets=1000000 tw_sockets=1000000"}
        normal = json.loads(run_sockfleet("scan", *words, cwd=tmp_path, env=low).stdout)
    (host,) = leaking["hosts"]
    first = host["diagnosis"][0]
    exact = host["scope"] == "all-namespaces"
    assert (first["word"], first["severity"]) == ("held-closed", "warning" if exact else "notice")
    assert first["because"]["tcp_close"] == host["tcp"]["tcp_close"] >= 150
    assert leaking["fleet"]["diagnoses"] == {"held-closed": 1}
    assert normal["fleet"]["diagnoses"] == {"normal": 1}


def test_the_printed_probe_runs_in_a_shell(tmp_path):
    printed = run_sockfleet("scan", "--print-probe").stdout
    result = subprocess.run(["sh", "-c", printed], capture_output=True, check=True)
    assert b"TCP: inuse" in result.stdout


FORMATS = ("table", "json", "ndjson", "csv", "prometheus", "influx")


def test_a_host_name_of_invisible_characters_is_escaped_in_every_format(tmp_path):
    names = ["a\xa0b", "x\u3000y", "\u3164", "heart\ufe0f", "blank\u2800"]
    (tmp_path / "hosts.yml").write_text(
        json.dumps({"all": {"hosts": {name: {"ansible_connection": "local"} for name in names}}})
    )
    files = [word for name in FORMATS for word in ("-o", f"{name}:out.{name}")]
    result = run_sockfleet("scan", "hosts.yml", *files, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    escapes = ["a\\xa0b", "x\\u3000y", "\\u3164", "heart\\ufe0f", "blank\\u2800"]
    notation = {"json": "\\\\", "ndjson": "\\\\", "prometheus": "\\\\", "influx": "\uff3c"}
    for each in FORMATS:
        text = (tmp_path / f"out.{each}").read_text()
        assert not [name for name in names if name in text], each
        for escape in escapes:
            assert escape.replace("\\", notation.get(each, "\\")) in text, each
    again = run_sockfleet("merge", "out.json", "-f", "json", cwd=tmp_path)
    assert sorted(host["name"] for host in json.loads(again.stdout)["hosts"]) == sorted(escapes)

"""End to end over a real sshd: tcp_close is the true number, for root and for other users."""

import json
import random
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.cli.command_line import run_command
from tests.support.machine.login_users import login_user, shell_path
from tests.support.machine.namespaces import holder
from tests.support.ssh.sshd import Sshd

pytestmark = [pytest.mark.as_root, pytest.mark.alone]

KINDS = ("idle", "idle6", "bound", "reset", "listening", "listening6", "connected", "udp")


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # sshd reads the authorized keys as the user who logs in
        with (
            Sshd(folder / "sshd") as sshd,
            login_user("anybody", shell_path("sh"), folder / "home") as user,
        ):
            yield sshd, user


@pytest.fixture
def scan(server, tmp_path, monkeypatch, capsysbinary):
    """Return a function that scans 127.0.0.1 over the real sshd and returns the host's document.

    In this process: the shorter the time between two readings, the fewer sockets of other programs
    open or close in between.
    """
    sshd, _ = server
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    login = ["-i", sshd.client_key, "--known-hosts", known_hosts]
    inventory = tmp_path / "inventory.ini"

    def scan_as(user, *words):
        inventory.write_text(f"127.0.0.1 ansible_port={sshd.port} ansible_user={user}\n")
        code, out, err = run_command(
            *("scan", inventory, "-f", "json", *words, *login),
            monkeypatch=monkeypatch,
            captured=capsysbinary,
        )
        assert code == 0, out + err
        (host,) = json.loads(out)["hosts"]
        return host

    return scan_as


def sums_match(host):
    """Whether processes, unattributed sockets and the rest add up to the host's closed sockets."""
    held = sum(process["tcp_close"] for process in host["processes"])
    rest = host["unattributed"] + host["attribution"]["rest_tcp_close"]
    return held + rest == host["tcp"]["tcp_close"]


def scan_quietly(scan, *arguments):
    """Scan until no counter changed while the files were read."""
    for _ in range(1000):
        host = scan(*arguments)
        if host["uncertainty"] == 0:
            return host
    raise AssertionError("the counters changed during every scan")


@pytest.mark.parametrize("who", ["root", "ordinary user"])
def test_random_sockets_in_three_namespaces_are_counted_exactly(server, scan, who):
    user = server[0].user if who == "root" else server[1]
    seed = random.SystemRandom().randrange(2**32)
    draw = random.Random(seed)
    exact = wrong = controls = noise = 0
    for rounds in range(1, 41):
        counts = [{kind: draw.randrange(40) for kind in KINDS} for _ in range(3)]
        error = measure_error(scan, user, counts)
        exact += error == 0
        wrong += error not in (0, None)
        # Controls without sockets of ours, as many as rounds where one is wrong: their errors are
        # those of other processes, which open and close sockets within a round. On a quiet machine
        # every round must be exact.
        while wrong > 2 * noise and controls < rounds:
            controls += 1
            noise += measure_error(scan, user, [{}, {}, {}]) != 0
        assert wrong <= 2 * noise, f"seed {seed}: {wrong} rounds wrong, the last by {error}"
        if exact == 10:
            return
    assert exact >= 3, "this machine is never quiet"


def measure_error(scan, user, counts):
    """Return a scan's error for the sockets held in three namespaces, the first of them the host's.

    None if the number without these sockets changed meanwhile, so that nothing was measured.
    """
    before = scan_quietly(scan, user)
    with ExitStack() as stack:
        holders = [
            stack.enter_context(holder(own_namespace=number > 0, **kinds))
            for number, kinds in enumerate(counts)
        ]
        during = scan_quietly(scan, user)
        assert during["scope"] == "all-namespaces"
        pids = {namespace["pid"] for namespace in during["namespaces"]}
        assert {holders[1].pid, holders[2].pid} <= pids
    after = scan_quietly(scan, user)
    if after["tcp"]["tcp_close"] != before["tcp"]["tcp_close"]:
        return None
    growth = during["tcp"]["tcp_close"] - before["tcp"]["tcp_close"]
    return growth - sum(one.tcp_close for one in holders)


def test_without_namespaces_the_number_is_an_upper_bound(server, scan):
    with holder(connected=20):
        for _ in range(20):  # other processes may close sockets between the two scans
            exact = scan_quietly(scan, server[0].user)
            bound = scan(server[0].user, "--no-namespaces")
            if bound["tcp"]["tcp_close"] >= exact["tcp"]["tcp_close"] + 40:
                break
    assert bound["scope"] == "host-namespace"
    assert "namespaces" not in bound
    assert bound["tcp"]["tcp_close"] >= exact["tcp"]["tcp_close"] + 40


def test_each_process_has_its_exact_count(server, scan):
    draw = random.Random(20261122)
    for _ in range(10):
        with ExitStack() as stack:
            holders = [
                stack.enter_context(
                    holder(
                        own_namespace=number > 0,
                        **{kind: draw.randrange(1, 30) for kind in KINDS},
                    )
                )
                for number in range(3)
            ]
            host = scan_quietly(scan, server[0].user, "--processes")
        found = {process["pid"]: process for process in host["processes"]}
        namespaces = {one["pid"]: one["inode"] for one in host["namespaces"]}
        for one in holders:
            assert found[one.pid]["tcp_close"] == one.tcp_close
            assert found[one.pid]["bound"] is False
            assert found[one.pid]["command"].startswith("python")
            assert "arguments" not in found[one.pid]
        for one in holders[1:]:
            assert found[one.pid]["namespace"] == namespaces[one.pid]
        assert host["attribution"]["exact"]
        assert sums_match(host)


def test_without_root_other_users_sockets_are_unattributed(server, scan):
    with holder(idle=17) as one:
        host = scan_quietly(scan, server[1], "--processes")
    assert one.pid not in {process["pid"] for process in host["processes"]}
    assert host["attribution"]["denied"] > 0
    assert host["unattributed"] >= 17
    assert sums_match(host)


def test_the_sums_match_while_sockets_open_and_close(server, scan):
    """Sockets open and close during each scan: the sums still match, within the uncertainty."""
    script = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
while True:
    client = socket.create_connection(server.getsockname())
    accepted = server.accept()[0]
    client.close(); accepted.close()
"""
    words = [sys.executable, "-c", script]
    busy = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert busy.stdout.readline() == b"ready\n"
        with holder(idle=100) as one:
            for _ in range(10):
                host = scan(server[0].user, "--processes")
                found = {process["pid"]: process["tcp_close"] for process in host["processes"]}
                assert found[one.pid] == 100
                assert sums_match(host)
    finally:
        busy.kill()
        busy.communicate()

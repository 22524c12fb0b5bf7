"""End to end over a real sshd: tcp_close is the true number, for root and for other users."""

import json
import random
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.cli.command_process import run_sockfleet
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


def scan(server, user, tmp_path, *words):
    """Scan 127.0.0.1 over the real sshd as ``user``; return the host's part of the document."""
    sshd, _ = server
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"127.0.0.1 ansible_port={sshd.port} ansible_user={user}\n")
    login = ["-i", sshd.client_key, "--known-hosts", known_hosts]
    result = run_sockfleet("scan", inventory, "-f", "json", *words, *login)
    assert result.returncode == 0, result.stdout + result.stderr
    (host,) = json.loads(result.stdout)["hosts"]
    return host


def sums_match(host):
    """Whether processes, unattributed sockets and the rest add up to the host's closed sockets."""
    held = sum(process["tcp_close"] for process in host["processes"])
    rest = host["unattributed"] + host["attribution"]["rest_tcp_close"]
    return held + rest == host["tcp"]["tcp_close"]


def scan_quietly(*arguments):
    """Scan until no counter changed while the files were read."""
    for _ in range(100):
        host = scan(*arguments)
        if host["uncertainty"] == 0:
            return host
    raise AssertionError("the counters changed during every scan")


@pytest.mark.parametrize("who", ["root", "ordinary user"])
def test_random_sockets_in_three_namespaces_are_counted_exactly(server, tmp_path, who):
    user = server[0].user if who == "root" else server[1]
    seed = random.SystemRandom().randrange(2**32)
    draw = random.Random(seed)
    exact = wrong = noise = 0
    for _ in range(40):
        counts = [{kind: draw.randrange(40) for kind in KINDS} for _ in range(3)]
        error = measure_error(server, user, tmp_path, counts)
        exact += error == 0
        wrong += error not in (0, None)
        # A control without sockets of ours: its errors are those of other processes, which open
        # and close sockets within a round. On a quiet machine every round must be exact.
        noise += measure_error(server, user, tmp_path, [{}, {}, {}]) != 0
        assert wrong <= 2 * noise, f"seed {seed}: {wrong} rounds wrong, the last by {error}"
        if exact == 10:
            return
    assert exact >= 3, "this machine is never quiet"


def measure_error(server, user, tmp_path, counts):
    """Return a scan's error for the sockets held in three namespaces, the first of them the host's.

    None if the number without these sockets changed meanwhile, so that nothing was measured.
    """
    before = scan_quietly(server, user, tmp_path)
    with ExitStack() as stack:
        holders = [
            stack.enter_context(holder(own_namespace=number > 0, **kinds))
            for number, kinds in enumerate(counts)
        ]
        during = scan_quietly(server, user, tmp_path)
        assert during["scope"] == "all-namespaces"
        pids = {namespace["pid"] for namespace in during["namespaces"]}
        assert {holders[1].pid, holders[2].pid} <= pids
    after = scan_quietly(server, user, tmp_path)
    if after["tcp"]["tcp_close"] != before["tcp"]["tcp_close"]:
        return None
    growth = during["tcp"]["tcp_close"] - before["tcp"]["tcp_close"]
    return growth - sum(one.tcp_close for one in holders)


def test_without_namespaces_the_number_is_an_upper_bound(server, tmp_path):
    with holder(connected=20):
        for _ in range(20):  # other processes may close sockets between the two scans
            exact = scan_quietly(server, server[0].user, tmp_path)
            bound = scan(server, server[0].user, tmp_path, "--no-namespaces")
            if bound["tcp"]["tcp_close"] >= exact["tcp"]["tcp_close"] + 40:
                break
    assert bound["scope"] == "host-namespace"
    assert "namespaces" not in bound
    assert bound["tcp"]["tcp_close"] >= exact["tcp"]["tcp_close"] + 40


def test_each_process_has_its_exact_count(server, tmp_path):
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
            host = scan_quietly(server, server[0].user, tmp_path, "--processes")
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


def test_without_root_other_users_sockets_are_unattributed(server, tmp_path):
    with holder(idle=17) as one:
        host = scan_quietly(server, server[1], tmp_path, "--processes")
    assert one.pid not in {process["pid"] for process in host["processes"]}
    assert host["attribution"]["denied"] > 0
    assert host["unattributed"] >= 17
    assert sums_match(host)


def test_the_sums_match_while_sockets_open_and_close(server, tmp_path):
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
                host = scan(server, server[0].user, tmp_path, "--processes")
                found = {process["pid"]: process["tcp_close"] for process in host["processes"]}
                assert found[one.pid] == 100
                assert sums_match(host)
    finally:
        busy.kill()
        busy.communicate()

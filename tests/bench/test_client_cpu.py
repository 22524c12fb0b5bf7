"""The CPU time of a client: what is subtracted, and whose time counts."""

from __future__ import annotations

import json
import subprocess
import sys

import client_cpu
import pytest
from client_cpu import FEW, WARM_UP, Peer
from fleet_target import Target

from tests.support.paths import ROOT

HOSTS = 60
START_S, LOGIN_S, SAMPLE_S = 10.0, 2.0, 0.5


@pytest.fixture
def clock(mocker):
    """The CPU seconds that `client_cpu` reads; the clients below add theirs."""
    spent = {"s": 0.0}
    mocker.patch.object(client_cpu, "cpu_s", side_effect=lambda: spent["s"])
    mocker.patch.object(client_cpu, "adopt_orphans")
    mocker.patch.object(client_cpu, "await_children")
    mocker.patch.object(client_cpu, "floor_ms", return_value=0.25)
    return spent


@pytest.fixture
def target():
    addresses = tuple(f"127.0.0.{n}" for n in range(1, HOSTS + 1))
    line = "TCP: inuse 1 orphan 0 tw 0 alloc 3 mem 0"
    return Target(
        folder="",
        port=22,
        user="",
        identity="",
        known_hosts="",
        addresses=addresses,
        truth=dict.fromkeys(addresses, line),
    )


def reading(clock, *, start_s=0.0, host_s):
    """Return a client that adds its seconds to the clock and reads every host rightly."""

    def read_hosts(target, addresses):
        clock["s"] += start_s + host_s * len(addresses)
        return [(address, target.truth[address].encode()) for address in addresses]

    return read_hosts


def test_the_first_run_of_a_library_does_not_count(clock, target):
    peer = Peer(name="library", read_hosts=reading(clock, host_s=LOGIN_S), setup="")
    measured = client_cpu.measure_peer(peer, target, HOSTS)
    assert clock["s"] == (WARM_UP + HOSTS) * LOGIN_S
    assert measured == {"cpu_ms": LOGIN_S * 1e3, "floor_ms": 0.25, "hosts": HOSTS, "wrong": []}


def test_the_start_of_a_command_is_subtracted(clock, target):
    read_hosts = reading(clock, start_s=START_S, host_s=LOGIN_S)
    peer = Peer(name="command", read_hosts=read_hosts, is_command=True, setup="")
    measured = client_cpu.measure_peer(peer, target, HOSTS)
    assert clock["s"] == 2 * START_S + (FEW + HOSTS) * LOGIN_S
    assert measured["cpu_ms"] == LOGIN_S * 1e3


def test_the_logins_before_samples_are_subtracted(clock, target):
    peer = Peer(
        name="samples",
        read_hosts=reading(clock, host_s=LOGIN_S + 20 * SAMPLE_S),
        before=reading(clock, host_s=LOGIN_S),
        samples=20,
        setup="",
    )
    measured = client_cpu.measure_peer(peer, target, HOSTS)
    assert measured["cpu_ms"] == SAMPLE_S * 1e3


def test_a_slow_client_reads_fewer_hosts(clock, target):
    peer = Peer(name="slow", read_hosts=reading(clock, host_s=LOGIN_S), max_hosts=10, setup="")
    measured = client_cpu.measure_peer(peer, target, HOSTS)
    assert (measured["hosts"], measured["cpu_ms"]) == (10, LOGIN_S * 1e3)


ORPHAN = """
import json, os, sys, time
sys.path[:0] = sys.argv[1:]
from client_cpu import adopt_orphans, time_reading
class Truth:
    def wrong(self, addresses, answers): return []
def start_orphan(target, addresses):
    if os.fork() == 0:
        if os.fork() == 0:
            while time.process_time() < 0.2: pass
        os._exit(0)
    return []
adopt_orphans()
print(json.dumps(time_reading(start_orphan, Truth(), [])[0]))
"""


def test_the_time_of_a_process_that_its_parent_left_counts():
    """As of ssh's ControlPersist, or of a daemon that a tool starts."""
    command = [sys.executable, "-c", ORPHAN, str(ROOT), str(ROOT / "bench")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) > 0.15

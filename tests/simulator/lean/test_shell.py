"""The lean fleet's shell, compared with the one that `collector.sampling.shell` starts."""

from __future__ import annotations

import re
import subprocess
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import ProbeOptions, new_marker
from sockfleet.collector.sampling.shell import (
    ALL,
    FULL,
    OWN,
    list_request,
    parse_sample,
    probe_end,
    sample_end,
    shell_command,
)
from sockfleet.simulator.host.profiles import PROFILES, draw_contents
from sockfleet.simulator.lean.host import LeanHost
from sockfleet.simulator.lean.key_exchange import HostKey
from sockfleet.simulator.lean.shell import LeanShell
from sockfleet.simulator.lean.wire import MalformedError
from sockfleet.simulator.scenario.scenario import Role, SimulatedHost

PROFILE = PROFILES["container-host"]


def host_with_containers() -> SimulatedHost:
    role = Role(name="docker", profile=PROFILE)
    return SimulatedHost(name="docker", role=role, contents=draw_contents(Random(1), PROFILE))


HOST = host_with_containers()


def start_shell(mark: str) -> LeanShell:
    lean = LeanHost(HOST, HostKey(Ed25519PrivateKey.generate()))
    shell = LeanShell.start(shell_command(mark, ProbeOptions()), lean)
    assert shell is not None
    return shell


def shape(output: bytes) -> bytes:
    """Remove the parts that a host without IPv6 does not print."""
    return re.sub(rb"\d+", b"#", re.sub(rb"\|TCP6: inuse \d+", b"", output))


def test_output_equals_the_real_shells_except_for_numbers():
    mark = new_marker()
    command = shell_command(mark, ProbeOptions(namespaces=False))
    done = subprocess.run(["/bin/sh", "-c", command], input=OWN, capture_output=True, check=True)
    assert shape(start_shell(mark).feed(OWN)) == shape(done.stdout)


def test_listed_namespaces_are_read_and_an_ended_one_is_empty():
    mark = new_marker()
    shell = start_shell(mark)
    full = shell.feed(FULL)
    assert full.endswith(probe_end(mark))
    found = parse_probe(full, mark).namespaces
    assert found is not None
    pids = [one.pid for one in found.seen if one.pid != 1]
    assert len(pids) == len(HOST.contents.containers) > 0
    assert shell.feed(list_request([*pids, 999_999])) == b""
    output = shell.feed(ALL)
    assert output.endswith(sample_end(mark))
    sample = parse_sample(output, mark)
    assert list(sample.listed) == [*pids, 999_999]
    assert sample.listed[999_999] is None
    assert [
        (one.sockstat.get("TCP", "inuse"), one.sockstat6.get("TCP6", "inuse"))
        for one in sample.listed.values()
        if one is not None
    ] == [(one.inuse, one.inuse6) for one in HOST.contents.containers]
    assert (sample.unlisted_pid, sample.unchecked, sample.cannot_check) == (None, None, False)


def test_lines_in_pieces_are_answered_when_complete():
    mark = new_marker()
    shell = start_shell(mark)
    assert [bool(shell.feed(bytes([byte]))) for byte in OWN] == [False, False, False, True]
    assert shell.feed(OWN * 3).count(sample_end(mark)) == 3


def test_an_endless_line_is_refused():
    with pytest.raises(MalformedError, match="without end"):
        start_shell(new_marker()).feed(b"x" * 70_000)


@pytest.mark.parametrize("command", ["while read -r w a; do :; done", "cat /proc/net/sockstat"])
def test_other_commands_start_no_shell(command):
    lean = LeanHost(HOST, HostKey(Ed25519PrivateKey.generate()))
    assert LeanShell.start(command, lean) is None

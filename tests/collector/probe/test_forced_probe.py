"""The probe for a key with a forced command, and which outputs are accepted."""

from __future__ import annotations

import asyncio
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.probe.answer import ProbeAnswer
from sockfleet.collector.probe.forced_probe import FORCED_COMMAND, FORCED_MARK, ForcedProbe
from sockfleet.collector.probe.scope import Scope, scope_of, scope_reasons
from sockfleet.collector.transport import CommandOutput
from sockfleet.inventory.models import Probe
from tests.support.fleet.fake_transport import FakeTransport, hosts

SOCKSTAT = b"sockets: used 400\nTCP: inuse 143 orphan 1 tw 38 alloc 247 mem 86\n"
ANSWER = (
    b"\n%b begin\n==> /proc/self/net/sockstat <==\n%b\n"
    b"==> /proc/self/net/sockstat6 <==\nTCP6: inuse 4\n%b end\n"
    % (FORCED_MARK.encode(), SOCKSTAT, FORCED_MARK.encode())
)


def read(stdout: bytes, status: int = 0, stderr: bytes = b"") -> ProbeAnswer:
    return ForcedProbe().read(CommandOutput(stdout=stdout, stderr=stderr, exit_status=status))


def refused(stdout: bytes, status: int = 0, stderr: bytes = b"") -> HostError:
    with pytest.raises(HostError) as caught:
        read(stdout, status, stderr)
    return caught.value


def test_an_answer_between_the_fixed_marks():
    answer = read(b"motd\nTCP: inuse 999999\n" + ANSWER + b"TCP: inuse 999999\n")
    assert answer.sockstat.get("TCP", "alloc") == 247
    assert answer.sockstat6 is not None
    assert answer.sockstat6.get("TCP6", "inuse") == 4


def test_the_command_answers_on_this_machine():
    printed = subprocess.run(["/bin/sh", "-c", FORCED_COMMAND], capture_output=True, check=True)
    answer = read(printed.stdout)
    assert answer.sockstat.get("TCP", "alloc") is not None
    assert answer.kernel.tcp_mem is not None
    assert answer.kernel.boot_id is not None


def test_the_command_needs_no_escapes_in_authorized_keys():
    assert not set('"\\\n!$`') & set(FORCED_COMMAND)


def test_namespaces_and_processes_are_never_accepted():
    forged = b"==> namespaces <==\nown 5\ndenied 0\nnamespace 5 1\nTCP: inuse 1 alloc 1\n"
    answer = read(ANSWER.replace(b"==> /proc/self/net/sockstat6", forged + b"\n==> /x"))
    assert answer.namespaces is None
    assert answer.processes is None


@pytest.mark.parametrize(
    ("stdout", "category"),
    [
        (b"", Category.NO_SHELL),
        (SOCKSTAT + b"TCP6: inuse 4\n", Category.NO_SHELL),
        (ANSWER.replace(FORCED_MARK.encode(), b"sockfleet-0123456789abcdef"), Category.NO_SHELL),
        (ANSWER + ANSWER, Category.NO_SHELL),
        (ANSWER.partition(b"TCP6")[0], Category.TRUNCATED),
        (ANSWER.replace(b"143", b"--1"), Category.PARSE),
        (b"\n%b begin\n%b end\n" % ((FORCED_MARK.encode(),) * 2), Category.UNSUPPORTED_HOST),
    ],
)
def test_no_reading_without_both_marks_and_sockstat_between(stdout, category):
    assert refused(stdout).category is category


def test_no_reading_without_status_0():
    error = refused(ANSWER, 1, b"\x1b[31mhead: not found\n")
    assert error.category is Category.COMMAND_FAILED
    assert "status 1: [31mhead: not found" in error.message
    assert "authorized-key" in error.message


def test_the_message_names_the_remedy_where_another_command_answers():
    error = refused(b"This account is not available.\n")
    assert "This account is not available." in error.message
    assert "sockfleet authorized-key" in error.message
    error = refused(b"", 0, b"open terminal failed: not a terminal\n")
    assert "it printed 'open terminal failed: not a terminal' on stderr" in error.message


@given(st.binary(max_size=300), st.integers(0, 255))
def test_any_bytes_are_a_reading_or_a_host_error(noise, status):
    try:
        read(noise + ANSWER[: len(ANSWER) - len(noise)], status)
    except HostError as error:
        assert error.message.isprintable()


def test_the_scope_says_what_was_not_read():
    assert scope_of(None) is Scope.HOST_NAMESPACE
    (reason,) = scope_reasons(None, Probe.FORCED)
    assert "forced command" in reason
    assert scope_reasons(None, Probe.FULL) == ()


async def fixed(attempt, command):
    """A server that prints the fixed marks for every command."""
    return CommandOutput(stdout=ANSWER, stderr=b"", exit_status=0)


async def _ask(probe):
    outcomes = []
    engine = Engine(EngineSettings(retries=0), transports={"asyncssh": FakeTransport(liar=fixed)})
    await engine.run(hosts("liar", probe=probe), outcomes.append)
    return outcomes[0]


def test_the_full_probe_never_accepts_the_fixed_marks():

    chosen = asyncio.run(_ask(Probe.FORCED))
    assert isinstance(chosen, HostReading)
    assert chosen.namespaces is None
    unasked = asyncio.run(_ask(Probe.FULL))
    assert unasked.category is Category.NO_SHELL

"""The shell loop under every common /bin/sh, and the parser of its answers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import ProbeOptions, new_marker
from sockfleet.collector.sampling import shell as shell_module
from sockfleet.collector.sampling.shell import (
    ALL,
    FULL,
    OWN,
    ShellSample,
    list_request,
    parse_sample,
    probe_end,
    sample_end,
    shell_command,
)
from tests.support.machine.login_users import shell_path

MARK = "sockfleet-0123456789abcdef"
LOGIN_SHELLS = ("sh", "bash", "dash", "zsh", "tcsh", "fish")
BIN_SH = ("sh", "bash", "dash", "busybox sh")
GONE = 2**22 + 1  # beyond the largest pid_max


class Shell:
    """A running shell loop."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self.process = process
        self.mark = mark

    def request(self, request: bytes, end: bytes) -> bytes:
        self.process.stdin.write(request)
        self.process.stdin.flush()
        answer = b""
        while not answer.endswith(end):
            line = self.process.stdout.readline()
            assert line, f"the shell ended after {answer!r}"
            answer += line
        return answer

    def sample(self, request: bytes) -> ShellSample:
        return parse_sample(self.request(request, sample_end(self.mark)), self.mark)

    def list(self) -> list[int]:
        """Run the full probe; return the processes of its namespaces."""
        answer = parse_probe(self.request(FULL, probe_end(self.mark)), self.mark)
        return [one.pid for one in answer.namespaces.seen]


@contextmanager
def shell(login: str = "sh", bin_sh: str = "/bin/sh", noise: str = "") -> Iterator[Shell]:
    mark = new_marker()
    command = noise + shell_command(mark, ProbeOptions()).replace("/bin/sh", bin_sh, 1)
    words = [shell_path(login), "-c", command]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as process:
        yield Shell(process, mark)
        process.stdin.close()
        assert process.wait(60) == 0, "it ends with its input"


def network_namespace(pid: int) -> Path | None:
    """Return the network namespace of a process; None where it has ended or is another user's."""
    try:
        return Path(f"/proc/{pid}/ns/net").readlink()
    except (FileNotFoundError, PermissionError):
        return None


def assert_no_own_process_is_reported(sample: ShellSample) -> None:
    """The shell reports no process of this test's namespace.

    It may report others: programs that share the machine make namespaces at any time.
    """
    if sample.unlisted_pid is not None:
        own = network_namespace(os.getpid())
        assert network_namespace(sample.unlisted_pid) != own


@pytest.mark.parametrize("login", LOGIN_SHELLS)
def test_every_login_shell_starts_the_loop(login):
    with shell(login) as running:
        pids = running.list()
        sample = running.sample(list_request([*pids, GONE]) + ALL)
        assert list(sample.listed) == [*pids, GONE]
        assert sample.listed[GONE] is None
        living = [pid for pid in pids if Path(f"/proc/{pid}/net/sockstat").exists()]
        assert living
        assert all(sample.listed[pid] is not None for pid in living)
        assert_no_own_process_is_reported(sample)
        assert sample.unchecked is None
        assert not sample.cannot_check


@pytest.mark.parametrize("bin_sh", BIN_SH)
def test_every_bin_sh_reads_the_files(bin_sh):
    with shell(bin_sh=bin_sh) as running:
        running.list()
        for request in (OWN, list_request([1]) + ALL, OWN):
            sample = running.sample(request)
            assert set(sample.sockstat.lines) == {"sockets", "TCP"}
            assert set(sample.sockstat.lines["TCP"]) >= {"inuse", "orphan", "tw", "alloc", "mem"}
            assert (sample.sockstat6 is not None) == Path("/proc/net/sockstat6").exists()
            assert list(sample.listed) == ([1] if request != OWN else [])


@pytest.mark.parametrize("bin_sh", BIN_SH)
def test_a_new_process_in_a_listed_namespace_is_not_reported(bin_sh):
    with shell(bin_sh=bin_sh) as running:
        running.list()
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as began:
            for _ in range(3):
                assert_no_own_process_is_reported(running.sample(ALL))
            began.stdin.close()


def test_output_of_start_up_files_is_ignored():
    noise = f"echo '{MARK}|sockets: used 9|TCP: alloc 9'; echo hello; "
    with shell(noise=noise) as running:
        running.list()
        assert running.sample(OWN).sockstat.get("TCP", "alloc") is not None


def test_too_many_new_processes_are_counted_and_not_checked(monkeypatch):
    monkeypatch.setattr("sockfleet.collector.sampling.shell.MOST_BEGUN", 300)
    with shell() as running:
        running.list()
        assert running.sample(ALL).unchecked is None
        subprocess.run(["sh", "-c", "for i in $(seq 301); do /bin/true; done"], check=True)
        unchecked = running.sample(ALL).unchecked
        assert unchecked > 300 or unchecked < 0  # the numbers of processes start over


def answer(*parts: str, before: bytes = b"") -> bytes:
    return before + "|".join((MARK, *parts, f"{MARK} end\n")).encode()


OWN_PARTS = ("sockets: used 7", "TCP: inuse 1 orphan 0 tw 2 alloc 3 mem 4", "TCP6: inuse 5")


def test_an_answer_is_parsed():
    data = answer(
        *OWN_PARTS,
        "ns 12",
        *OWN_PARTS[:2],
        "ns 13",
        "ns 14",
        *OWN_PARTS,
        "new 99",
        before=b"noise\n",
    )
    sample = parse_sample(data, MARK)
    assert sample.sockstat.get("TCP", "alloc") == 3
    assert sample.sockstat6.get("TCP6", "inuse") == 5
    assert sample.listed[12].sockstat6 is None
    assert sample.listed[13] is None
    assert sample.listed[14].sockstat6.get("TCP6", "inuse") == 5
    assert (sample.unlisted_pid, sample.unchecked, sample.cannot_check) == (99, None, False)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("many 1200", "unchecked", 1200),
        ("many -31000", "unchecked", -31000),
        ("blind", "cannot_check", True),
    ],
)
def test_unchecked_processes_are_reported(part, field, value):
    assert getattr(parse_sample(answer(*OWN_PARTS, part), MARK), field) == value


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ("TCP6: inuse 5",),
        (*OWN_PARTS, "ns x"),
        (*OWN_PARTS, "ns 1 2 3"),
        (*OWN_PARTS, "ns 99999999999"),
        (*OWN_PARTS, "new"),
        (*OWN_PARTS, "many one"),
        (*OWN_PARTS, "hello"),
        ("TCP: inuse --1",),
        ("TCP: inuse 1_0",),
        (*OWN_PARTS[:2], "TCP: inuse 1"),
    ],
)
def test_an_invalid_answer_is_an_error_that_quotes_it(parts):
    with pytest.raises(HostError, match="the shell on the host answered") as caught:
        parse_sample(answer(*parts), MARK)
    assert caught.value.category is Category.PARSE


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_host_error(data):
    try:
        parse_sample(data + sample_end(MARK), MARK)
    except HostError as error:
        assert error.message.isprintable()


counts = st.integers(0, 2**31)


@given(st.lists(st.tuples(st.integers(1, 2**22), counts, counts), unique_by=lambda row: row[0]))
def test_every_listed_namespace_is_in_the_sample(rows):
    parts = [*OWN_PARTS]
    for pid, inuse, inuse6 in rows:
        parts += [f"ns {pid}", f"TCP: inuse {inuse} alloc 1", f"TCP6: inuse {inuse6}"]
    listed = parse_sample(answer(*parts), MARK).listed
    assert [
        (pid, one.sockstat.get("TCP", "inuse"), one.sockstat6.get("TCP6", "inuse"))
        for pid, one in listed.items()
    ] == rows


@given(
    st.lists(
        st.sampled_from(
            [*OWN_PARTS, *OWN_PARTS, "ns 12", "TCP: inuse 1\rTCP6: inuse 2", "TCP6: inuse 5\r", "x"]
        ),
        max_size=7,
    )
)
@example([*OWN_PARTS])
@example(["sockets: used 7\rTCP: inuse 1", *OWN_PARTS[1:]])
def test_the_usual_lines_are_parsed_as_any_others(parts):
    def parse() -> str:
        try:
            return repr(parse_sample(answer(*parts), MARK))
        except HostError as error:
            return repr((error.category, error.message))

    parsed = parse()
    with mock.patch.object(shell_module, "_is_usual", return_value=False):
        assert parse() == parsed

"""Which commands are too long for some servers, and how these are sent on standard input."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.become import Become
from sockfleet.collector.probe.forced_probe import FORCED_COMMAND
from sockfleet.collector.probe.full_probe import FullProbe
from sockfleet.collector.probe.script import ProbeOptions, new_marker
from sockfleet.collector.sampling.shell import shell_command
from sockfleet.collector.ssh.long_command import COMMAND_LIMIT, split_command

METHODS = (None, *Become)
OPTIONS = [
    ProbeOptions(namespaces=namespaces, processes=processes, arguments=arguments)
    for namespaces, (processes, arguments) in itertools.product(
        (False, True), ((False, False), (True, False), (True, True))
    )
]
LONG = ProbeOptions(processes=True, arguments=True)


def is_long(options: ProbeOptions) -> bool:
    return options.namespaces and options.processes


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_request_of_every_probe_is_below_8000_bytes(options, method):
    command = FullProbe(options, method).command
    request, stdin = split_command(command)
    assert request.isascii()
    assert len(request) < 8000
    assert (stdin != b"") is is_long(options)
    assert {request, stdin.decode().rstrip("\n")} >= {command}


@pytest.mark.parametrize("options", [each for each in OPTIONS if not each.processes], ids=str)
def test_the_request_of_the_sampling_shell_is_below_8000_bytes(options):
    command = shell_command(new_marker(), options)
    assert split_command(command) == (command, b"")


def test_the_usual_and_the_forced_command_go_with_the_request():
    for command in (FullProbe(ProbeOptions()).command, FORCED_COMMAND):
        assert split_command(command) == (command, b"")


@pytest.mark.parametrize("character", ["\n", "é"])
def test_a_long_command_that_is_not_one_line_of_ascii_is_not_split(character):
    command = f"true '{character}'".ljust(COMMAND_LIMIT)
    assert split_command(command) == (command, b"")


SHELLS = ["sh", "bash", "dash", "busybox ash", "zsh", "tcsh", "fish", "ksh", "mksh"]


def run(shell: str, request: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    words = [*shell.split(), "-c", request]
    return subprocess.run(words, input=stdin, capture_output=True, check=False)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "method", [None, *(pytest.param(each, marks=pytest.mark.as_root) for each in Become)]
)
def test_every_login_shell_runs_the_probe_on_its_standard_input(shell, method):
    mark = new_marker()
    done = run(shell, *split_command(FullProbe(LONG, method, mark=mark).command))
    assert (done.returncode, done.stderr) == (0, b"")
    answer = parse_probe(done.stdout, mark)
    assert answer.namespaces is not None
    assert answer.processes is not None


def test_the_command_is_run_as_it_is_with_its_own_status():
    text = r"""  "$HOME" `id` \\ \n 'a'"'b'  """
    quoted = text.replace("'", "'\\''")
    command = f"printf %s '{quoted}'; (exit 7) #".ljust(COMMAND_LIMIT)
    done = run("sh", *split_command(command))
    assert (done.returncode, done.stdout, done.stderr) == (7, text.encode(), b"")


@pytest.mark.parametrize("taken", [1, 100, 5000, None])
def test_a_part_of_the_command_is_never_run(taken):
    command = "echo run #".ljust(COMMAND_LIMIT, "x")
    request, stdin = split_command(command)
    rest = b"" if taken is None else stdin[taken:]
    for part in (rest, rest.rstrip(b"\n"), stdin[: len(rest)].rstrip(b"\n")[:-1]):
        done = run("sh", request, part)
        assert (done.returncode, done.stdout) == (1, b"")
        came = len(part.rstrip(b"\n"))
        said = f"sockfleet: only {came} of 8000 bytes of the command came on standard input\n"
        assert done.stderr == said.encode()

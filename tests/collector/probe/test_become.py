"""The command that runs the probe as root, the rules for it, and the messages of a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.probe.become import (
    Become,
    become_command,
    become_failure,
    doas_rule,
    sudo_rs_rule,
    sudoers_line,
)
from sockfleet.collector.probe.script import new_marker, probe_command
from sockfleet.collector.transport import CommandOutput
from sockfleet.core.errors import UsageError
from tests.support.machine.become_rules import refusal, root_script_of, whole_probe


@pytest.mark.parametrize("method", Become)
def test_the_command_is_one_line_without_characters_that_shells_treat_differently(method):
    command = become_command(whole_probe("sockfleet-0123456789abcdef"), method)
    assert command.startswith("exec /bin/sh -c '")
    assert command.endswith("' sockfleet-0123456789abcdef")
    assert command.count("'") == 4
    assert not set("!\n`") & set(command)
    assert "\\\\" not in command


def test_the_text_that_runs_as_root_is_the_same_in_every_run():
    first, second = (become_command(whole_probe(new_marker())) for _ in range(2))
    assert first != second
    assert root_script_of(first) == root_script_of(second)
    lines = {sudoers_line("web", whole_probe(new_marker())) for _ in range(2)}
    assert len(lines) == 1


def test_any_other_command_is_an_error():
    for command in ("id", "exec /bin/sh -c 'id'", probe_command("x")):
        with pytest.raises(ValueError, match="not a command of the probe"):
            become_command(command)


@pytest.mark.parametrize(
    "name", ["", "ALL", "WEB", "%wheel", "#0", "a b", "a,b", "root\nx", "-x", "a\\x"]
)
def test_a_name_that_a_rule_would_not_read_as_one_user_is_refused(name):
    command = probe_command(new_marker())
    for make in (sudoers_line, sudo_rs_rule, doas_rule):
        with pytest.raises(UsageError, match="not the name of a user"):
            make(name, command)


def test_other_failures_are_no_refusal():
    begun = b"\nsockfleet-0123456789abcdef begin\n"
    for status, stdout, stderr in (
        (0, b"", b"sudo: unable to resolve host web1: Name or service not known\n"),
        (1, b"", b"sudo: unable to resolve host web1: Name or service not known\n"),
        (1, begun, b"sudo: something happened afterwards\n"),
        (1, b"This account is not available.\n", b""),
        (127, b"", b"sh: head: not found\n"),
        (255, b"", b"\xff\x00\n"),
    ):
        output = CommandOutput(stdout=stdout, stderr=stderr, exit_status=status)
        assert become_failure(output) is None


@pytest.mark.parametrize(
    ("stderr", "meaning"),
    [
        (b"sudo: no tty present and no askpass program specified\n", "NOPASSWD"),
        (b"sudo: a terminal is required to read the password; either use the -S\n", "NOPASSWD"),
        (b"u is not in the sudoers file.  This incident will be reported.\n", "no rule"),
        (b"Sorry, user u may not run sudo on web1.\n", "no rule"),
        (b"sudo: sorry, you must have a tty to run sudo\n", "requiretty"),
        (b"sudo: unable to resolve host x: y\nsudo: a password is required\n", "NOPASSWD"),
        (b"sudo: effective uid is not 0, is /usr/bin/sudo on a file system\n", "could not run"),
        (b'sudo: The "no new privileges" flag is set\n', "could not run"),
        (b"sudo: interactive authentication is required\n", "NOPASSWD"),
        (b"sudo: I'm sorry u. I'm afraid I can't do that\n", "could not run"),
        (b"doas: Authorization required\n", "nopass"),
        (b"\x1b[31mnoise\x1b[0m\ndoas: Operation not permitted\n", "no rule"),
    ],
)
def test_the_messages_of_sudo_and_doas(stderr, meaning):
    output = CommandOutput(stdout=b"", stderr=stderr, exit_status=1)
    assert meaning in refusal(output)


@given(st.binary(max_size=300), st.binary(max_size=100), st.integers(0, 255))
def test_any_output_is_a_refusal_or_none(stderr, stdout, status):
    error = become_failure(CommandOutput(stdout=stdout, stderr=stderr, exit_status=status))
    assert error is None or error.message.isprintable()

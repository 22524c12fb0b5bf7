"""Root by a rule that allows the probe alone: real sudo and doas, a real account, a real sshd.

Needs root, which creates the account and the rules; both are removed afterwards.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.become import (
    Become,
    FileRule,
    become_command,
    become_failure,
    doas_rule,
    sudo_rs_rule,
    sudoers_line,
)
from sockfleet.collector.probe.processes import Process
from sockfleet.collector.probe.script import new_marker, probe_command
from sockfleet.collector.transport import CommandOutput, TransportSettings
from sockfleet.inventory.models import Host
from tests.support.machine.become_rules import refusal, root_script_of, sudoers, whole_probe
from tests.support.machine.login_users import login_user, shell_path
from tests.support.machine.namespaces import holder
from tests.support.ssh.over_ssh import ask, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd

DOAS_CONF = Path("/etc/doas.conf")
ADDRESS = "127.0.26.1"


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with TemporaryDirectory(prefix="sockfleet-become-") as folder:
        Path(folder).chmod(0o755)
        with Sshd(Path(folder) / "sshd", addresses=(ADDRESS,)) as sshd:
            yield sshd


@pytest.fixture(scope="module")
def user(server: Sshd) -> Iterator[str]:
    home = server.folder / "home"
    with login_user("sf-become", shell_path("sh"), home) as name:
        yield name


@pytest.fixture
def host(server: Sshd, user: str) -> Host:
    ssh = ssh_settings(server, user=user)
    return Host(name="web1", address=ADDRESS, port=server.port, ssh=ssh)


@pytest.fixture
def trusting(server: Sshd, tmp_path: Path) -> TransportSettings:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(server.known_hosts_lines())
    return settings_for(known_hosts)


@contextmanager
def doas_conf(text: str | None) -> Iterator[None]:
    """doas has one configuration file: it is restored, and other test processes wait for it."""
    with Path("/run/sockfleet-doas-test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = DOAS_CONF.read_text() if DOAS_CONF.exists() else None
        try:
            DOAS_CONF.unlink(missing_ok=True)
            if text is not None:
                DOAS_CONF.write_text(f"{text}\n")
                DOAS_CONF.chmod(0o600)
            yield
        finally:
            DOAS_CONF.unlink(missing_ok=True)
            if before is not None:
                DOAS_CONF.write_text(before)
                DOAS_CONF.chmod(0o600)


def as_user(user: str, *words: str, path: str = "", text: str = "") -> CommandOutput:
    """Run ``words`` as the account, without SSH."""
    result = subprocess.run(
        ["setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", "--", *words],
        input=text.encode(),
        capture_output=True,
        check=False,
        cwd="/",
        env={"PATH": f"{path}:/usr/sbin:/usr/bin:/bin" if path else "/usr/sbin:/usr/bin:/bin"},
    )
    return CommandOutput(stdout=result.stdout, stderr=result.stderr, exit_status=result.returncode)


def allows(user: str, *words: str) -> bool:
    """Whether sudoers allows ``user`` to run this command as root; it does not run."""
    command = ["sudo", "-n", "-l", "-U", user, *words]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def seen(output: CommandOutput, mark: str) -> dict[int, Process]:
    """The processes that the probe named, by their pids."""
    assert output.stderr == b""
    processes = parse_probe(output.stdout, mark).processes
    assert processes is not None
    return {process.pid: process for process in processes.seen}


@pytest.mark.parametrize("method", [Become.AUTO, Become.SUDO])
def test_the_line_for_sudoers_lets_the_probe_run_as_root(transport, host, user, trusting, method):
    mark = new_marker()
    command = whole_probe(mark)
    with holder(idle=21) as one, sudoers(sudoers_line(user, whole_probe(new_marker()))):
        as_root = ask(transport, trusting, host, become_command(command, method)).output
        as_user = ask(transport, trusting, host, command).output
    assert become_failure(as_root) is None
    process = seen(as_root, mark)[one.pid]
    assert (process.tcp_close, process.user) == (21, "root")
    assert one.pid not in seen(as_user, mark)


def test_the_file_for_doas_lets_the_probe_run_as_root(transport, host, user, trusting):
    mark = new_marker()
    with holder(idle=13) as one, doas_installed(user, whole_probe(new_marker())):
        command = become_command(whole_probe(mark), Become.DOAS)
        output = ask(transport, trusting, host, command).output
    assert become_failure(output) is None
    assert seen(output, mark)[one.pid].tcp_close == 13


@contextmanager
def doas_installed(user: str, command: str) -> Iterator[Path]:
    rule = doas_rule(user, command)
    path = Path(rule.path)
    with doas_conf(rule.rule), installed(rule):
        yield path


@contextmanager
def installed(rule: FileRule) -> Iterator[None]:
    path = Path(rule.path)
    path.parent.mkdir(exist_ok=True)
    path.write_text(rule.file)
    path.chmod(0o755)
    try:
        yield
    finally:
        path.unlink()


def test_the_file_for_sudo_lets_the_probe_run_as_root(transport, host, user, trusting):
    mark = new_marker()
    rule = sudo_rs_rule(user, whole_probe(new_marker()))
    assert len(rule.rule) < 1024  # sudo-rs takes no more
    with holder(idle=9) as one, installed(rule), sudoers(rule.rule):
        output = ask(transport, trusting, host, become_command(whole_probe(mark))).output
        assert become_failure(output) is None
        assert seen(output, mark)[one.pid].tcp_close == 9
        assert allows(user, rule.path)
        for words in ([rule.path, "more"], ["/bin/sh", rule.path], ["/bin/sh", "-c", "id"]):
            assert not allows(user, *words)


def test_sudo_without_a_rule(transport, host, trusting):
    output = ask(
        transport, trusting, host, become_command(probe_command(new_marker()), Become.SUDO)
    ).output
    assert "a password is required" in refusal(output)
    assert "NOPASSWD" in refusal(output)


def test_a_rule_for_other_options_does_not_allow_these(host, user, trusting):
    with sudoers(sudoers_line(user, whole_probe(new_marker()))):
        command = become_command(whole_probe(new_marker(), arguments=True))
        assert "these options" in refusal(ask("asyncssh", trusting, host, command).output)


def test_sudo_that_wants_a_terminal(host, user, trusting):
    command = probe_command(new_marker())
    with sudoers(sudoers_line(user, command), f"Defaults:{user} requiretty"):
        output = ask("asyncssh", trusting, host, become_command(command)).output
    assert "requiretty" in refusal(output)


def test_sudo_with_the_message_for_a_forbidden_command(user):
    # Where a rule allows another command without a password, sudo requires none for the refusal.
    with sudoers(f"Defaults:{user} !authenticate", f"{user} ALL=(root) /bin/true"):
        output = as_user(user, "sh", "-c", become_command(probe_command(new_marker())))
    assert "is not allowed to execute" in refusal(output)
    with sudoers(f"Defaults:{user} !authenticate"):
        output = as_user(user, "sh", "-c", become_command(probe_command(new_marker())))
    assert "sudoers" in refusal(output)


def test_the_line_for_sudoers_allows_nothing_else(user):
    text = root_script_of(become_command(whole_probe(new_marker())))
    with sudoers(sudoers_line(user, whole_probe(new_marker()))):
        assert allows(user, "/bin/sh", "-c", text)
        assert not as_user(user, "sudo", "-n", "/bin/sh", "-c", text, text="x\n").exit_status
        for words in (
            ["/usr/bin/id"],
            ["/bin/sh"],
            ["/bin/sh", "-c"],
            ["/bin/sh", "-c", "id"],
            ["/bin/sh", "-i", "-c", text],
            ["/bin/bash", "-c", text],
            ["/bin/sh", "-c", f"{text}; id"],
            ["/bin/sh", "-c", f"id; {text}"],
            ["/bin/sh", "-c", text, "more"],
            ["/bin/sh", "-c", text.replace("; ", ";", 1)],
            ["/bin/sh", "-c", text.replace("/proc/", "/etc/", 1)],
            ["/bin/sh", "-c", text.replace("[0-9]", "1", 1)],
            ["/bin/sh", "-c", text.replace("*", "/../../etc/shadow", 1)],
            ["/bin/sh", "-c", text.replace("  ", " ", 1)],
            ["/bin/sh", "-c", text.replace("\\", "", 1)],
        ):
            assert not allows(user, *words), words
            assert as_user(user, "sudo", "-n", *words).exit_status == 1
        other = as_user(user, "sudo", "-n", "-u", "nobody", "/bin/sh", "-c", text)
        assert other.exit_status == 1


# The words joined are the rule's: cutting changes nothing of what is compared.
printable = st.characters(min_codepoint=32, max_codepoint=126)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_changed_text_is_allowed(user, data):
    command = whole_probe(new_marker())
    text = root_script_of(become_command(command))
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.text(printable, max_size=3))
    changed = text[:at] + new + text[at + data.draw(st.integers(0, 2)) :]
    with sudoers(sudoers_line(user, command)):
        assert allows(user, "/bin/sh", "-c", changed) == (changed == text)


@pytest.mark.parametrize("arguments", [False, True])
def test_arguments_after_a_beginning_of_the_text_have_no_effect(user, arguments):
    # sudo compares the words joined, so `sh -c BEGINNING REST` is allowed too; REST becomes the
    # shell's own $0, $1, …: none may be in the text.
    command = whole_probe(new_marker(), arguments=arguments)
    text = root_script_of(become_command(command))
    with sudoers(sudoers_line(user, command)):
        assert allows(user, "/bin/sh", "-c", *text.split(" ", 3))
    assert not re.search(r"(?<!\\)\$[0-9@*]", text)
    # And it writes nowhere: awk's own comparisons apart, all that follows ">" is nothing.
    shell_alone = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert set(re.findall(r">+\s*(\S+?)(?=[;\s)]|$)", shell_alone)) <= {"/dev/null", "&1", "&2"}


def test_the_user_s_path_is_not_used_as_root(user, server):
    folder = server.folder / "evil"
    folder.mkdir(mode=0o755)
    for name in ("awk", "head", "ls", "xargs", "python3", "sh", "grep"):
        (folder / name).write_text("#!/bin/sh\nid >&2\n")
        (folder / name).chmod(0o755)
    command = whole_probe(new_marker())
    kept = f"Defaults:{user} !env_reset, !secure_path"
    with sudoers(sudoers_line(user, command), kept):
        words = ["sudo", "-n", "/bin/sh", "-c", root_script_of(become_command(command))]
        output = as_user(user, *words, path=str(folder), text="mark\n")
    assert (output.exit_status, output.stderr) == (0, b"")
    assert b"\nmark begin\n" in output.stdout


def test_doas_allows_the_file_and_nothing_else(user):
    command = whole_probe(new_marker())
    text = root_script_of(become_command(command))
    with doas_installed(user, command) as path:
        allowed = as_user(user, "doas", "-n", str(path), text="mark\n")
        assert (allowed.exit_status, allowed.stderr) == (0, b"")
        assert b"\nmark begin\n" in allowed.stdout
        for words in (
            [str(path), "more"],
            ["/bin/sh", str(path)],
            ["/bin/sh", "-c", text],
            ["-u", "nobody", str(path)],
            ["id"],
        ):
            refused = as_user(user, "doas", "-n", *words)
            assert refused.exit_status == 1
            assert "Operation not permitted" in refusal(refused)
        assert not os.access(path, os.W_OK, effective_ids=True) or os.geteuid() == 0
        assert path.stat().st_mode & 0o777 == 0o755


def test_the_file_of_another_version_is_not_run(host, user, trusting):
    with doas_installed(user, whole_probe(new_marker())):
        command = become_command(whole_probe(new_marker(), arguments=True), Become.DOAS)
        output = ask("asyncssh", trusting, host, command).output
    assert "doas.conf" in refusal(output)


def test_doas_with_a_rule_for_everything_needs_no_file(host, user, trusting):
    mark = new_marker()
    with doas_conf(f"permit nopass {user}"):
        output = ask(
            "asyncssh", trusting, host, become_command(probe_command(mark), Become.DOAS)
        ).output
    assert parse_probe(output.stdout, mark).sockstat.get("TCP", "alloc") is not None


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (None, "doas is not enabled"),
        ("permit nopass root", "Operation not permitted"),
        ("permit {user}", "nopass"),
        ("garbage", "doas"),
    ],
)
def test_the_messages_of_doas(user, rule, problem):
    with doas_conf(None if rule is None else rule.format(user=user)):
        output = as_user(user, "sh", "-c", become_command(probe_command(new_marker()), Become.DOAS))
    assert problem in refusal(output)


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        (Become.AUTO, "not installed: sudo doas"),
        (Become.SUDO, "not installed: sudo'"),
        (Become.DOAS, "not installed: doas"),
    ],
)
def test_without_sudo_and_doas(user, server, method, problem):
    folder = server.folder / f"bare-{method}"
    folder.mkdir(mode=0o755)
    for name in ("sh", "id"):
        (folder / name).symlink_to(shell_path(name))
    words = [
        "env",
        f"PATH={folder}",
        "sh",
        "-c",
        become_command(probe_command(new_marker()), method),
    ]
    output = as_user(user, *words)
    assert output.exit_status == 127
    assert problem in refusal(output)


SHELLS = ["sh", "bash", "dash", "busybox ash", "zsh", "tcsh", "fish", "ksh", "mksh"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("arguments", [False, True])
def test_every_login_shell_runs_it_and_root_needs_no_rule(shell, arguments):
    mark = new_marker()
    words = [*shell.split(), "-c", become_command(whole_probe(mark, arguments=arguments))]
    result = subprocess.run(words, capture_output=True, check=True)
    assert result.stderr == b""
    assert parse_probe(result.stdout, mark).kernel.release == os.uname().release

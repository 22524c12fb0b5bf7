"""The first contact with hosts whose keys are unknown: a real sshd, an agent, a terminal."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli.command_process import run_sockfleet
from tests.support.cli.terminal_session import TerminalSession
from tests.support.ssh.agent import ssh_agent
from tests.support.ssh.sshd import Sshd

QUESTION = "(yes/no/[fingerprint])? "
HOSTS = ("a", "b", "c")
PATIENT = ("--timeout", "60", "--connect-timeout", "60")  # the machine may be busy


@pytest.fixture(scope="module")
def bastion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A jump host with a key of its own."""
    with Sshd(tmp_path_factory.mktemp("bastion"), config=["AllowTcpForwarding yes"]) as server:
        yield server


@pytest.fixture
def agent(sshd: Sshd, bastion: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The only holder of the key that both servers take."""
    authorized = sshd.client_key.with_suffix(".pub").read_text()
    if authorized not in bastion.authorized_keys.read_text():
        with bastion.authorized_keys.open("a") as file:
            file.write(authorized)
    with ssh_agent(sshd.client_key) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        yield path


def write_config(sshd: Sshd, *, bastion: Sshd | None = None) -> Path:
    """Write ~/.ssh/config with three aliases, behind the jump host if there is one."""
    folder = Path("~/.ssh").expanduser()
    folder.mkdir(mode=0o700)
    lines = []
    for number, name in enumerate(HOSTS, start=1):
        lines += [f"Host {name}", f"  HostName 127.0.0.{number}", f"  Port {sshd.port}"]
    if bastion is not None:
        lines += ["Host gate", "  HostName 127.0.0.1", f"  Port {bastion.port}"]
        lines += ["Host a b c", "  ProxyJump gate"]
    config = folder / "config"
    config.write_text("\n".join([*lines, f"Host *\n  User {sshd.user}\n"]))
    config.chmod(0o600)
    return folder / "known_hosts"


def fingerprint(server: Sshd) -> str:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(server.host_keys[0])], capture_output=True, text=True, check=True
    )
    return shown.stdout.split()[1]


def statuses(output: str) -> list[str]:
    return [host["status"] for host in json.loads(output)["hosts"]]


@pytest.mark.usefixtures("agent")
def test_three_aliases_behind_a_jump_host_are_read_after_one_question(
    sshd: Sshd, bastion: Sshd
) -> None:
    known_hosts = write_config(sshd, bastion=bastion)
    with TerminalSession("scan", "a,b,c,", "-f", "json") as session:
        session.wait_for(QUESTION)
        assert fingerprint(bastion) in session.seen
        assert f"jump host 127.0.0.1:{bastion.port}" in session.seen
        assert "with keys not seen yet: a, b, c" in session.seen
        session.type("yes\n")
        code, output = session.end()
    assert (code, statuses(output)) == (0, ["ok", "ok", "ok"])
    assert session.seen.count(QUESTION) == 1
    # Each key that was trusted stands in the file: the next scan asks nothing.
    assert len(known_hosts.read_text().splitlines()) == 4
    again = run_sockfleet("scan", "a,b,c,", "-f", "json")
    assert (again.returncode, "known_hosts" in again.stderr) == (0, False)


@pytest.mark.usefixtures("agent")
def test_one_key_of_several_hosts_is_listed_once(sshd: Sshd) -> None:
    known_hosts = write_config(sshd)
    with TerminalSession("scan", "a,b,c,", "-q", "-f", "json") as session:
        session.wait_for(QUESTION)
        assert session.seen.count(fingerprint(sshd)) == 1
        assert "a, b, c" in session.seen
        session.type("perhaps\n")
        session.wait_for("Please type 'yes', 'no' or the fingerprint: ")
        session.type(f"{fingerprint(sshd)}\n")
        code, output = session.end()
    assert (code, statuses(output)) == (0, ["ok", "ok", "ok"])
    assert len(known_hosts.read_text().splitlines()) == 3


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(("typed", "code"), [("no\n", 4), ("\x04", 4), ("\x03", 130)])
def test_an_answer_of_no_leaves_the_hosts_failed_and_the_file_alone(
    sshd: Sshd, typed: str, code: int
) -> None:
    known_hosts = write_config(sshd)
    with TerminalSession("scan", "a,b,c,", "-f", "json") as session:
        session.wait_for(QUESTION)
        session.type(typed)
        ended, output = session.end()
    assert ended == code
    assert json.loads(output)["fleet"]["failures"] == {"hostkey_unknown": 3}
    assert "Traceback" not in session.seen
    assert not known_hosts.exists()


@pytest.mark.usefixtures("agent")
def test_a_changed_key_is_never_asked_about(sshd: Sshd, bastion: Sshd) -> None:
    known_hosts = write_config(sshd)
    other = bastion.host_keys[0].with_suffix(".pub").read_text()
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {other}")
    with TerminalSession("scan", "a,b,", "-f", "json") as session:
        session.wait_for(QUESTION)
        assert "1 host key of 1 host not in " in session.seen
        assert "  b\n" in session.seen
        session.type("yes\n")
        code, output = session.end()
    assert code == 3
    assert json.loads(output)["fleet"]["failures"] == {"hostkey_changed": 1}


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("line", ["StrictHostKeyChecking yes", "BatchMode yes"])
def test_no_question_is_put_where_ssh_puts_none(sshd: Sshd, line: str) -> None:
    write_config(sshd)
    config = Path("~/.ssh/config").expanduser()
    config.write_text(f"{line}\n{config.read_text()}")
    with TerminalSession("scan", "a,b,c,", "-f", "json") as session:
        code, output = session.end()
    assert (code, session.seen.count(QUESTION)) == (4, 0)
    assert json.loads(output)["fleet"]["failures"] == {"hostkey_unknown": 3}


@pytest.mark.usefixtures("agent")
def test_fifty_hosts_are_one_command_without_a_terminal(sshd: Sshd, tmp_path: Path) -> None:
    hosts = "".join(f"web{n} ansible_host=127.0.0.{n % 4 + 1}\n" for n in range(50))
    (tmp_path / "hosts").write_text(
        f"{hosts}[all:vars]\nansible_port={sshd.port}\n"
        'ansible_ssh_common_args="-o HostKeyAlias={{ inventory_hostname }}"\n'
    )
    words = ["scan", "hosts", "-u", sshd.user, *PATIENT]
    failed = run_sockfleet(*words, cwd=tmp_path)
    assert failed.returncode == 4
    (line,) = failed.stderr.splitlines()
    assert line.startswith("sockfleet: warning: 50 hosts not read, as 1 host key is in no known_h")
    command = shlex.split(line.partition("never a changed one: ")[2])
    assert command[-2:] == ["--host-keys", "accept-new"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0
    assert run_sockfleet(*words, "-q", cwd=tmp_path).stderr == ""


@pytest.mark.usefixtures("agent")
def test_quiet_names_no_command(sshd: Sshd) -> None:
    write_config(sshd)
    assert "accept-new" not in run_sockfleet("scan", "a,b,c,", "-q", "-o", os.devnull).stderr


@pytest.mark.usefixtures("agent")
def test_a_file_that_cannot_be_written_is_named(sshd: Sshd) -> None:
    missing = write_config(sshd).parent / "no" / "folder" / "file"
    config = Path("~/.ssh/config").expanduser()
    config.write_text(f"UserKnownHostsFile {missing}\n{config.read_text()}")
    with TerminalSession("scan", "a,", "-f", "json") as session:
        session.wait_for(QUESTION)
        session.type("yes\n")
        code, _ = session.end()
    assert code == 4
    assert f"no host key can be added to {missing}: " in session.seen


@pytest.mark.usefixtures("agent")
def test_a_repeated_scan_asks_before_its_first_round(sshd: Sshd, bastion: Sshd) -> None:
    write_config(sshd, bastion=bastion)
    words = ["scan", "a,b,", "--repeat", "2", "--interval", "1", *PATIENT, "-f", "ndjson"]
    with TerminalSession(*words) as session:
        session.wait_for(QUESTION)
        session.type("yes\n")
        code, output = session.end()
    assert code == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["status"] for line in lines if "status" in line] == ["ok"] * 4


@pytest.mark.usefixtures("agent")
def test_explain_asks_too(sshd: Sshd) -> None:
    write_config(sshd)
    with TerminalSession("explain", "--host", "a") as session:
        session.wait_for(QUESTION)
        session.type("yes\n")
        code, output = session.end()
    assert code == 0
    assert "tcp_close" in output

"""``sockfleet inventory --host NAME --connection``, and what leads to it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.core.program import program_words
from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.sshd import Sshd, free_port, ssh_keygen

CONFIG = """
Host web1 web2
  HostName 10.0.0.5
  ProxyJump gate
  IdentityFile ~/.ssh/id_web
Host gate
  HostName 10.0.0.1
  Port 2200
Host *
  User me
  Ciphers aes256-ctr
"""
INVENTORY = "[web]\nweb1\nweb2 ansible_port=2222\n[web:vars]\nansible_user=deploy\n"


@pytest.fixture
def config() -> Path:
    folder = Path("~/.ssh").expanduser()
    folder.mkdir()
    path = folder / "config"
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(INVENTORY)
    return path


def settings(*words: object, environment: dict[str, str] | None = None) -> dict[str, list[str]]:
    """Value and source of each setting by its name; of several the last."""
    shown = run_sockfleet("inventory", *words, "--connection", env=environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = [[part for part in line.split("  ") if part] for line in shown.stdout.splitlines()]
    return {row[0]: [part.strip() for part in row[1:]] for row in rows}


def test_each_setting_is_shown_with_its_source(config: Path, hosts: Path) -> None:
    shown = settings(hosts, "--host", "web1")
    assert shown == {
        "host": ["web1, by ssh", f"{hosts}:2"],
        "address": ["10.0.0.5", f"{config}:3"],
        "port": ["22", "default"],
        "jump host": ["me@10.0.0.1:2200", f"{config}:4"],
        "user": ["deploy", "ansible_user of group web"],
        "key": [f"{config.parent}/id_web", f"{config}:5"],
        "agent": ["none", "SSH_AUTH_SOCK is not set"],
        "known_hosts": ["~/.ssh/known_hosts", "default"],
        "unknown host key": ["asked about on a terminal, else refused", "default"],
        "ciphers": ["aes256-ctr", f"{config}:11"],
    }
    assert settings(hosts, "--host", "web2")["port"] == [
        "2222",
        f"ansible_port of host web2 ({hosts}:3)",
    ]


def test_options_are_named_with_the_place_that_gives_them(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sockfleet.toml"
    file.write_text('[defaults]\nidentity = ["/key"]\nssh-config = "none"\n')
    monkeypatch.setenv("SOCKFLEET_USER", "you")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    shown = settings("web1,", "--host", "web1", "--config", file, "--known-hosts", "/known")
    assert shown["user"] == ["you", "environment, SOCKFLEET_USER"]
    assert shown["key"] == ["/key", f"{file}: identity"]
    assert shown["agent"] == ["/agent", "SSH_AUTH_SOCK"]
    assert shown["known_hosts"] == ["/known", "command line, --known-hosts"]
    assert shown["address"] == ["web1", "the name of the host"]
    assert settings("web1,", "--host", "web1", "--no-agent")["agent"] == [
        "none",
        "command line, --no-agent",
    ]
    assert str(config) not in str(shown)


def test_a_host_without_ssh_has_no_login(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("here ansible_connection=local\n")
    assert settings(tmp_path / "hosts", "--host", "here") == {
        "host": ["here, by local", f"{tmp_path / 'hosts'}:1"]
    }


def test_faults_and_wrong_options_are_errors(config: Path) -> None:
    config.write_text("Host *\n  Nonsense x\n")
    broken = run_sockfleet("inventory", "web1,", "--host", "web1", "--connection")
    assert broken.returncode == 2
    assert f"{config}:2: 'Nonsense' is refused" in broken.stderr
    assert "--ssh-config none" in broken.stderr
    assert broken.stderr.count("\n") == 1
    alone = run_sockfleet("inventory", "web1,", "--list", "--connection")
    assert (alone.returncode, "--connection goes with --host" in alone.stderr) == (2, True)


def test_failures_that_a_wrong_setting_explains_name_the_command(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = ssh_keygen(tmp_path / "other")
    (tmp_path / "known_hosts").write_text(sshd.known_hosts_lines())
    (tmp_path / "hosts").write_text(
        f"denied ansible_host=127.0.0.1 ansible_port={sshd.port}\n"
        f"refused ansible_host=127.0.0.1 ansible_port={free_port()}\n"
        "unknown ansible_host=no-such-host.invalid\n"
    )
    words = ["scan", "hosts", "-i", other, "--known-hosts", "known_hosts", "-f", "json"]
    scanned = run_sockfleet(*words, cwd=tmp_path)
    hosts = {host["name"]: host["error"] for host in json.loads(scanned.stdout)["hosts"]}
    assert {name: error["category"] for name, error in hosts.items()} == {
        "denied": "auth_denied",
        "refused": "refused",
        "unknown": "dns",
    }
    for name, error in hosts.items():
        command = error["message"].partition("are from: ")[2]
        options = f"-i {other} --known-hosts known_hosts"
        assert command == (
            f"{shlex.join(program_words())} inventory hosts {options} --connection --host {name}"
        )
        shown = run_sockfleet(*shlex.split(command)[len(program_words()) :], cwd=tmp_path)
        assert "command line, --identity" in shown.stdout


def test_a_note_counts_the_hosts_that_are_logged_in_to_as_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("".join(f"web{n} ansible_user=deploy\n" for n in range(7)) + "db1\n")
    listed = run_sockfleet("scan", path, "-u", "me", "-i", "/key", "--list-hosts")
    assert listed.stderr == (
        "sockfleet: warning: -u me: the inventory names another user (deploy) for 7 hosts: web0, "
        f"web1, web2, web3, web4 and 2 more; why: {shlex.join(program_words())} inventory {path} "
        "-u me -i /key --connection --host web0\n"
    )
    assert run_sockfleet("scan", path, "-u", "me", "-l", "db1", "--list-hosts").stderr == ""


@pytest.mark.parametrize("is_found", [True, False])
def test_the_message_and_the_next_command_name_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_found: bool
) -> None:
    """Both work as they are printed, whether or not the program is on the PATH."""
    folder = Path(sys.executable).parent
    path = [each for each in os.environ["PATH"].split(":") if Path(each) != folder]
    monkeypatch.setenv("PATH", ":".join([*([str(folder)] if is_found else []), *path]))
    (tmp_path / "hosts").write_text(f"web1 ansible_host=127.0.0.1 ansible_port={free_port()}\n")
    options = ["-u", "me", "-i", ssh_keygen(tmp_path / "key"), "--no-agent"]
    words = ["scan", "hosts", *options, "--known-hosts", "known", "--failures"]
    environment = {**os.environ, "COLUMNS": "1000"}
    shown = run_sockfleet(*words, cwd=tmp_path, env=environment).stdout
    message = re.search(r"Where its address, user and keys are from: (.*)", shown)
    assert message is not None
    (command,) = [line.strip() for line in shown.splitlines() if " --connection --host" in line][1:]
    assert message[1] == command
    assert command.startswith("sockfleet " if is_found else str(folder / "sockfleet "))
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True)
    assert b"command line, --user" in done.stdout

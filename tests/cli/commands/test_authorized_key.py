"""``sockfleet authorized-key`` on a real sshd: the key is scanned with, and does nothing else."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sockfleet.cli.commands.authorized_key import command
from sockfleet.core.errors import UsageError
from tests.support.cli.command_line import run_command
from tests.support.ssh.sshd import Sshd, free_port, ssh_keygen


def printed(*words: object, stdin: bytes | None = None) -> str:
    result = CliRunner().invoke(command, [*map(str, words)], input=stdin, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def restricted(sshd: Sshd) -> Path:
    """A key that the server takes with the printed line alone."""
    key = ssh_keygen(sshd.folder / "restricted")
    with sshd.authorized_keys.open("a") as file:
        file.write(printed(key.with_suffix(".pub"), "--from", "127.0.0.0/8,::1"))
    return key


@pytest.fixture
def ssh(sshd: Sshd, restricted: Path, tmp_path: Path):
    """OpenSSH's client with that key; its words come before the command's."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())

    def run(*options: str, asked: tuple[str, ...] = ("id",), program: str = "ssh"):
        return subprocess.run(
            [
                *(program, "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
                *("-o", f"UserKnownHostsFile={known_hosts}", "-o", f"Port={sshd.port}"),
                *("-o", "ExitOnForwardFailure=yes", "-i", str(restricted), *options),
                *(f"{sshd.user}@127.0.0.1", *asked),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
@pytest.mark.parametrize("chosen", ["option", "inventory"])
def test_scanning_through_it(sshd, restricted, tmp_path, transport, chosen):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    variable = "sockfleet_probe=forced" if chosen == "inventory" else ""
    (tmp_path / "hosts.ini").write_text(
        f"web1 ansible_host=127.0.0.1 ansible_port={sshd.port} ansible_user={sshd.user} "
        f"ansible_ssh_private_key_file={restricted} {variable}\n"
    )
    option = ["--probe", "forced"] if chosen == "option" else []
    result = subprocess.run(
        [
            *(sys.executable, "-m", "sockfleet.cli", "scan", "hosts.ini", "--known-hosts"),
            *(str(known_hosts), "--transport", transport, "-f", "json", *option),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    (host,) = json.loads(result.stdout)["hosts"]
    assert host["tcp"]["alloc"] > 0
    assert host["kernel"]["tcp_max_orphans"] > 0
    assert host["scope"] == "host-namespace"
    assert "forced command" in host["scope_reasons"][0]
    assert "namespaces" not in host


def test_the_full_probe_does_not_believe_it(sshd, restricted, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    result = subprocess.run(
        [
            *(sys.executable, "-m", "sockfleet.cli", "scan", "127.0.0.1,", "-f", "json"),
            *("--known-hosts", str(known_hosts), "-i", str(restricted), "-u", sshd.user),
        ],
        env={"SOCKFLEET_SSH_CONFIG": str(_port_config(tmp_path, sshd.port)), "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 4, result.stderr
    (host,) = json.loads(result.stdout)["hosts"]
    assert host["error"]["category"] == "no_shell"
    assert "sockfleet-forced-1 begin" in host["error"]["message"]


def _port_config(folder: Path, port: int) -> Path:
    path = folder / "ssh_config"
    path.write_text(f"Port {port}\n")
    return path


def test_any_other_command_runs_the_probe_instead(ssh, tmp_path):
    witness = tmp_path / "witness"
    result = ssh(asked=(f"touch {witness}; id",))
    assert "sockfleet-forced-1 begin" in result.stdout
    assert "uid=" not in result.stdout
    assert not witness.exists()


def test_a_shell_is_the_probe_too_and_gets_no_terminal(ssh):
    assert "sockfleet-forced-1 end" in ssh("-T", asked=()).stdout
    refused = ssh("-tt", asked=())
    assert "PTY allocation request failed" in refused.stderr
    assert refused.stdout == ""


def test_sftp_is_not_served(ssh):
    result = ssh("-s", asked=("sftp",))
    assert "sockfleet-forced-1 begin" in result.stdout  # the forced command, no SFTP server


def test_nothing_is_forwarded(ssh, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as inner:
        inner.settimeout(0)
        port = inner.getsockname()[1]
        out = ssh("-W", f"127.0.0.1:{port}", asked=())
        assert "administratively prohibited" in out.stderr
        with pytest.raises(BlockingIOError):
            inner.accept()
    back = ssh("-R", f"{free_port()}:127.0.0.1:22")
    assert "remote port forwarding failed" in back.stderr
    assert "sockfleet-forced-1" not in back.stdout


def test_another_address_is_refused(sshd, tmp_path):
    key = ssh_keygen(tmp_path / "elsewhere")
    with sshd.authorized_keys.open("a") as file:
        file.write(printed(f"{key}.pub", "--from", "192.0.2.0/24"))
    result = subprocess.run(
        [
            *("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"),
            *("-o", f"UserKnownHostsFile={tmp_path / 'seen'}", "-p", str(sshd.port)),
            *("-i", str(key), f"{sshd.user}@127.0.0.1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert result.returncode == 255
    assert "Permission denied" in result.stderr


def test_standard_input(tmp_path):
    key = ssh_keygen(tmp_path / "key")
    public = key.with_suffix(".pub")
    assert printed("-", stdin=public.read_bytes()) == printed(public)


@pytest.mark.parametrize("name", ["gone.pub", ".", "huge.pub"])
def test_what_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "huge.pub").write_bytes(b"x" * 100_000)
    with pytest.raises(UsageError) as caught:
        printed(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("option", ["--become", "--processes", "--process-args"])
def test_what_the_forced_command_cannot_be_asked_for_is_refused(option, monkeypatch, capsysbinary):
    code, _, err = run_command(
        "scan",
        *("web1,", "--probe", "forced", option),
        monkeypatch=monkeypatch,
        captured=capsysbinary,
    )
    assert code == 2
    assert f"--probe forced and {option} exclude each other" in err


def test_the_probe_that_is_printed_is_the_one_of_the_line(tmp_path, monkeypatch, capsysbinary):
    key = ssh_keygen(tmp_path / "key")
    code, out, _ = run_command(
        "scan", "--print-probe", "--probe", "forced", monkeypatch=monkeypatch, captured=capsysbinary
    )
    assert code == 0
    assert f'command="{out.strip()}"' in printed(f"{key}.pub")

"""``sockfleet authorized-key`` on a real sshd: its key runs the probe, and nothing else."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from sockfleet.cli.commands.authorized_key import command
from sockfleet.core.errors import UsageError
from tests.support.cli.command_line import run_command
from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.sshd import Sshd, free_port, ssh_keygen


def run_authorized_key(*words: object, stdin: bytes | None = None) -> str:
    result = CliRunner().invoke(command, [*map(str, words)], input=stdin, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def restricted(sshd: Sshd) -> Path:
    """A key that the server accepts with the printed line only."""
    key = ssh_keygen(sshd.folder / "restricted")
    with sshd.authorized_keys.open("a") as file:
        file.write(run_authorized_key(key.with_suffix(".pub"), "--from", "127.0.0.0/8,::1"))
    return key


@pytest.fixture
def ssh(sshd: Sshd, restricted: Path, tmp_path: Path):
    """Run OpenSSH's client with that key: ``ssh(*options, remote_command=words)``."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())

    def run(*options: str, remote_command: tuple[str, ...] = ("id",), program: str = "ssh"):
        return subprocess.run(
            [
                *(program, "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
                *("-o", f"UserKnownHostsFile={known_hosts}", "-o", f"Port={sshd.port}"),
                *("-o", "ExitOnForwardFailure=yes", "-i", str(restricted), *options),
                *(f"{sshd.user}@127.0.0.1", *remote_command),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
@pytest.mark.parametrize("setting", ["option", "inventory"])
def test_a_scan_works_through_the_forced_command(sshd, restricted, tmp_path, transport, setting):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    variable = "sockfleet_probe=forced" if setting == "inventory" else ""
    (tmp_path / "hosts.ini").write_text(
        f"web1 ansible_host=127.0.0.1 ansible_port={sshd.port} ansible_user={sshd.user} "
        f"ansible_ssh_private_key_file={restricted} {variable}\n"
    )
    option = ["--probe", "forced"] if setting == "option" else []
    words = ["hosts.ini", "--known-hosts", known_hosts, "--transport", transport, "-f", "json"]
    result = run_sockfleet("scan", *words, *option, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (host,) = json.loads(result.stdout)["hosts"]
    assert host["tcp"]["alloc"] > 0
    assert host["kernel"]["tcp_max_orphans"] > 0
    assert host["scope"] == "host-namespace"
    assert "forced command" in host["scope_reasons"][0]
    assert "namespaces" not in host


def test_the_full_probe_rejects_a_forced_answer(sshd, restricted, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    result = run_sockfleet(
        *("scan", "127.0.0.1,", "-f", "json"),
        *("--known-hosts", known_hosts, "-i", restricted, "-u", sshd.user),
        env={"SOCKFLEET_SSH_CONFIG": str(_port_config(tmp_path, sshd.port)), "HOME": str(tmp_path)},
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
    result = ssh(remote_command=(f"touch {witness}; id",))
    assert "sockfleet-forced-1 begin" in result.stdout
    assert "uid=" not in result.stdout
    assert not witness.exists()


def test_a_shell_request_runs_the_probe_without_a_terminal(ssh):
    assert "sockfleet-forced-1 end" in ssh("-T", remote_command=()).stdout
    refused = ssh("-tt", remote_command=())
    assert "PTY allocation request failed" in refused.stderr
    assert refused.stdout == ""


def test_sftp_is_not_served(ssh):
    result = ssh("-s", remote_command=("sftp",))
    assert "sockfleet-forced-1 begin" in result.stdout  # the forced command, no SFTP server


def test_nothing_is_forwarded(ssh, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as inner:
        inner.settimeout(0)
        port = inner.getsockname()[1]
        result = ssh("-W", f"127.0.0.1:{port}", remote_command=())
        assert "administratively prohibited" in result.stderr
        with pytest.raises(BlockingIOError):
            inner.accept()
    back = ssh("-R", f"{free_port()}:127.0.0.1:22")
    assert "remote port forwarding failed" in back.stderr
    assert "sockfleet-forced-1" not in back.stdout


def test_a_login_from_another_address_is_refused(sshd, tmp_path):
    key = ssh_keygen(tmp_path / "elsewhere")
    with sshd.authorized_keys.open("a") as file:
        file.write(run_authorized_key(f"{key}.pub", "--from", "192.0.2.0/24"))
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


def test_the_public_key_may_come_from_standard_input(tmp_path):
    key = ssh_keygen(tmp_path / "key")
    public = key.with_suffix(".pub")
    assert run_authorized_key("-", stdin=public.read_bytes()) == run_authorized_key(public)


@pytest.mark.parametrize("name", ["missing.pub", ".", "huge.pub"])
def test_an_unreadable_key_file_is_named(tmp_path, name):
    (tmp_path / "huge.pub").write_bytes(b"x" * 100_000)
    with pytest.raises(UsageError) as caught:
        run_authorized_key(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("option", ["--become", "--processes", "--process-args"])
def test_options_that_a_forced_command_cannot_serve_are_refused(option, monkeypatch, capsysbinary):
    code, _, err = run_command(
        "scan",
        *("web1,", "--probe", "forced", option),
        monkeypatch=monkeypatch,
        captured=capsysbinary,
    )
    assert code == 2
    assert f"--probe forced and {option} exclude each other" in err


def test_print_probe_shows_the_forced_command(tmp_path, monkeypatch, capsysbinary):
    key = ssh_keygen(tmp_path / "key")
    code, out, _ = run_command(
        "scan", "--print-probe", "--probe", "forced", monkeypatch=monkeypatch, captured=capsysbinary
    )
    assert code == 0
    assert f'command="{out.strip()}"' in run_authorized_key(f"{key}.pub")

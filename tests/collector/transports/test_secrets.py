"""Secrets stay where they are: in no log, message or result, and on no command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sockfleet.cli.main import COMMANDS, cli
from tests.support.ssh.bad_sessions import bad_session_server
from tests.support.ssh.over_ssh import TRANSPORTS
from tests.support.ssh.sshd import Sshd, ssh_keygen

PASSWORD = "correct horse"
WRONG = "battery-staple"
PASSPHRASE = "tr0ub4dor-and-3"
TOKEN = "hunter2-token"


def scan(folder: Path, *words: str, **environment: str) -> str:
    """All that ``sockfleet scan`` says and writes, as one text."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "sockfleet.cli", "scan", "hosts.ini", "-vvv", "-f", "json"),
            *("-o", "out.json", "-o", "out.csv", "-o", "out.txt", "-o", "out.ndjson"),
            *("--known-hosts", "known_hosts", "--retries", "0", *words),
        ],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    written = [path.read_text() for path in sorted(folder.glob("out.*"))]
    assert len(written) == 4, result.stderr
    return "\n".join([result.stdout, result.stderr, *written])


@pytest.mark.parametrize("password", [PASSWORD, WRONG])
@pytest.mark.parametrize("way", ["environment", "inventory", "file"])
@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_password_is_shown_nowhere(transport, tmp_path, password, way, method):
    with bad_session_server(tmp_path, method) as port:
        held = f'ansible_password="{password}"' if way == "inventory" else ""
        (tmp_path / "hosts.ini").write_text(
            f"web1 ansible_host=127.0.0.1 ansible_port={port} ansible_user=x {held} "
            f"api_token={TOKEN}\n"
        )
        (tmp_path / "secret").write_text(f"{password}\n")
        words = ["--password-file", "secret"] if way == "file" else []
        environment = {"SOCKFLEET_PASSWORD": password} if way == "environment" else {}
        said = scan(tmp_path, "--transport", transport, *words, **environment)
    assert "web1" in said
    assert f"sockfleet: {transport}" in said, "-vvv shows the log of the library"
    assert password not in said
    assert TOKEN not in said


@pytest.mark.parametrize("passphrase", [PASSPHRASE, WRONG])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_passphrase_is_shown_nowhere(transport, sshd: Sshd, tmp_path, passphrase):
    key = ssh_keygen(tmp_path / "client", passphrase=PASSPHRASE)
    with sshd.authorized_keys.open("a") as file:
        file.write(key.with_suffix(".pub").read_text())
    (tmp_path / "known_hosts").write_text(sshd.known_hosts_lines())
    (tmp_path / "hosts.ini").write_text(
        f"web1 ansible_host=127.0.0.1 ansible_port={sshd.port} ansible_user={sshd.user} "
        f"api_token={TOKEN}\n"
    )
    said = scan(tmp_path, "--transport", transport, "-i", str(key), SOCKFLEET_PASSPHRASE=passphrase)
    assert ('"ok":1' in said) is (passphrase == PASSPHRASE)
    assert passphrase not in said
    assert "PRIVATE KEY" not in said
    assert key.read_text().splitlines()[1] not in said


def test_no_option_takes_a_secret_on_the_command_line():
    """What stands there stands in the list of processes, for everybody to read."""
    context = click.Context(cli)
    options = [
        parameter
        for name in COMMANDS
        for parameter in cli.get_command(context, name).params
        if isinstance(parameter, click.Option)
    ]
    takes_a_value = {o.name for o in options if not o.is_flag and not o.count}
    assert "identity" in takes_a_value
    suspicious = {name for name in takes_a_value if "pass" in name or "secret" in name}
    assert suspicious <= {"password_file", "smtp_password_file"}

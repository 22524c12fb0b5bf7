"""Messages about host keys that are not trusted: the commands in them work."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category
from sockfleet.collector.ssh.credentials.public_key import fingerprint
from sockfleet.inventory.models import Hop, SshSettings
from tests.support.ssh.host_keys import Key, host, public, refusal, verdict, verifier_for
from tests.support.ssh.sshd import Sshd


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def run_shell(command: str) -> None:
    subprocess.run(command, shell=True, check=True, capture_output=True, text=True)


def test_an_unknown_host_is_trusted_after_the_command_of_its_message(
    server: Sshd, file: Path
) -> None:
    key = public(server.host_keys[0])
    at = host("127.0.0.1", server.port)
    check = verifier_for(file).for_host(at)
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    assert f"127.0.0.1:{server.port} showed the ED25519 key {fingerprint(key.blob)}" in message
    assert f"no key of [127.0.0.1]:{server.port} is in {file}" in message
    shown = subprocess.run(["ssh-keygen", "-lf", key.path], capture_output=True, text=True)
    assert fingerprint(key.blob) in shown.stdout
    run_shell(message.partition("then trust it: ")[2])
    assert verdict(verifier_for(file), at, key) is None


def test_a_changed_host_is_trusted_after_the_commands_of_its_message(
    server: Sshd, keys: dict[str, Key], file: Path
) -> None:
    key = public(server.host_keys[0])
    file.write_text(f"# old\n[127.0.0.1]:{server.port} {keys['one'].line}\n")
    at = host("127.0.0.1", server.port)
    check = verifier_for(file).for_host(at)
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED)
    assert f"is known by the ED25519 key {fingerprint(keys['one'].blob)} ({file}:2)" in message
    forget, _, trust = message.partition("that it was: ")[2].partition(", then ")
    run_shell(forget)
    run_shell(trust)
    assert verdict(verifier_for(file), at, key) is None


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (SshSettings(host_key_alias="the-alias"), "the-alias"),
        (SshSettings(jumps=(Hop(address="bastion", ssh=SshSettings()),)), "[web1]:2222"),
        (SshSettings(proxy_command="nc web1 22"), "[web1]:2222"),
    ],
)
def test_the_message_gives_the_line_where_keyscan_does_not_reach_the_host(
    keys: dict[str, Key], file: Path, settings: SshSettings, name: str
) -> None:
    at = host("web1", 2222, settings)
    key = keys["rsa"]
    check = verifier_for(file).for_host(at)
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    command = message.partition("then trust it: ")[2]
    assert shlex.split(command)[:2] == ["echo", f"{name} {key.line}"]
    run_shell(command)
    assert verdict(verifier_for(file), at, key) is None


def test_the_message_counts_other_keys_and_names_the_line_of_a_pattern(
    keys: dict[str, Key], file: Path
) -> None:
    file.write_text(
        f"web* {keys['one'].line}\nweb1 {keys['rsa'].line}\nweb1 {keys['ecdsa'].line}\n"
    )
    check = verifier_for(file).for_host(host())
    key = keys["two"]
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED)
    assert (
        f"is known by the RSA key {fingerprint(keys['rsa'].blob)} ({file}:2) and 2 more" in message
    )
    file.write_text(f"web* {keys['one'].line}\n")
    check = verifier_for(file).for_host(host())
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED)
    assert f"edit line 1 of {file}" in message


def test_a_revoked_key_and_a_key_of_the_wrong_type_are_refused(
    keys: dict[str, Key], file: Path
) -> None:
    key = keys["one"]
    file.write_text(f"@revoked * {key.line}\nweb1 {key.line}\n")
    check = verifier_for(file).for_host(host())
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_REVOKED)
    assert "which is marked @revoked in" in message
    assert check.revoked_keys == (key.blob,)
    message = refusal(lambda: check.check_key("ssh-rsa", key.blob), Category.PROTOCOL)
    assert "host key of type 'ssh-ed25519' where 'ssh-rsa' was agreed on" in message
    refusal(lambda: check.check_key("ssh-\x1b[2Jrsa", b"\xff" * 50), Category.PROTOCOL)

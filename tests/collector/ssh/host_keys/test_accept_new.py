"""accept-new: a new key is written once and as ssh writes it, a changed key is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category
from sockfleet.collector.ssh.host_keys.policy import join_notes
from sockfleet.inventory.models import HostKeyPolicy, SshSettings
from tests.support.ssh.host_keys import (
    ACCEPT_NEW,
    Key,
    host,
    public,
    refusal,
    ssh_accepts,
    verdict,
    verifier_for,
)
from tests.support.ssh.sshd import Sshd


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


@pytest.mark.parametrize("kind", ["one", "rsa", "ecdsa"])
def test_accept_new_writes_a_key_once_and_ssh_trusts_the_line(
    server: Sshd, keys: dict[str, Key], tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "fresh" / "known_hosts"
    verifier = verifier_for(file, HostKeyPolicy.ACCEPT_NEW)
    at = host("Web1", 2222)
    for _ in range(3):
        assert verdict(verifier, at, keys[kind]) is None
    assert file.read_text() == f"[web1]:2222 {keys[kind].line}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert verifier.notes == (f"new host keys added to {file}: 1",)
    assert verdict(verifier_for(file), at, keys[kind]) is None

    key = public(server.host_keys[0])
    assert verdict(verifier, host("127.0.0.1", server.port), key) is None
    assert ssh_accepts(server, file, "127.0.0.1", "StrictHostKeyChecking=yes")


def test_accept_new_writes_what_ssh_writes(server: Sshd, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    key = public(server.host_keys[0])
    for path in (theirs, ours):
        path.write_text("# what was there\n")
    options = ("StrictHostKeyChecking=accept-new", "HashKnownHosts=no")
    assert ssh_accepts(server, theirs, "127.0.0.1", *options)
    verifier = verifier_for(ours, HostKeyPolicy.ACCEPT_NEW)
    assert verdict(verifier, host("127.0.0.1", server.port), key) is None
    assert ours.read_text() == theirs.read_text()


def test_accept_new_refuses_a_changed_or_a_revoked_key(keys: dict[str, Key], file: Path) -> None:
    text = f"web1 {keys['one'].line}\n@revoked * {keys['rsa'].line}\n"
    file.write_text(text)
    verifier = verifier_for(file)
    assert verdict(verifier, host(ssh=ACCEPT_NEW), keys["two"]) is Category.HOSTKEY_CHANGED
    assert verdict(verifier, host("db", ssh=ACCEPT_NEW), keys["rsa"]) is Category.HOSTKEY_REVOKED
    assert file.read_text() == text
    assert verifier.notes == ()


@pytest.mark.parametrize("alias", ["*", "web*", "a,b", "!a", "@revoked", "|1|x|y", "a b", "a\nb"])
def test_accept_new_writes_no_pattern_as_a_name(
    keys: dict[str, Key], file: Path, alias: str
) -> None:
    settings = SshSettings(host_key_alias=alias, host_keys=HostKeyPolicy.ACCEPT_NEW)
    check = verifier_for(file).for_host(host(ssh=settings))
    key = keys["one"]
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.CONFIG)
    assert message.startswith("HostKeyAlias ")
    assert not file.exists()


def test_accept_new_completes_a_last_line_without_newline(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"db {keys['two'].line}")
    verifier = verifier_for(file, HostKeyPolicy.ACCEPT_NEW)
    assert verdict(verifier, host(), keys["one"]) is None
    assert file.read_text() == f"db {keys['two'].line}\nweb1 {keys['one'].line}\n"
    assert verdict(verifier_for(file), host("db"), keys["two"]) is None


def test_notes_of_several_processes_are_joined():
    spoilt = "known_hosts:3: cut short; the line is ignored"
    parts = [
        (spoilt, "new host keys added to ~/.ssh/known_hosts: 3"),
        (),
        ("new host keys added to other: 1", "new host keys added to ~/.ssh/known_hosts: 4", spoilt),
    ]
    assert join_notes(parts) == (
        spoilt,
        "new host keys added to ~/.ssh/known_hosts: 7",
        "new host keys added to other: 1",
    )


def test_notes_of_one_process_stay_unchanged():
    notes = ("new host keys added to: nobody knows", "new host keys added to a file: 2")
    assert join_notes([notes]) == notes

"""Key files: unusable files, and the certificates of a key."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import asyncssh
import pytest

from sockfleet.collector.ssh.credentials.key_files import is_certificate_for
from sockfleet.inventory.models import Secret, SshSettings
from tests.support.ssh.key_forms import copy, credentials, naming, public_of, refused
from tests.support.ssh.sshd import ssh_keygen


def test_the_message_names_the_unusable_file_and_the_reason(
    key_forms: Path, tmp_path: Path
) -> None:
    key = key_forms / "ed25519"
    for name, text in {
        "garbage": "PASSWORD=hunter2\n",
        "empty": "",
        "putty": "PuTTY-User-Key-File-3: ssh-ed25519\n",
        "cut": key.read_text()[:200],
        "public.pub": (key_forms / "ed25519.pub").read_text(),
        "huge": "x" * (1024 * 1024 + 1),
        "damaged": key.read_text().replace("b3BlbnNzaC1rZXktdjE", "AAAAAAAAAAAAAAAAAAA"),
        "pem": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    for name, reason in {
        "garbage": "is not a private key",
        "empty": "is not a private key",
        "putty": "is a PuTTY key: convert it with puttygen -O private-openssh",
        "cut": "is damaged or cut short",
        "public.pub": "is a public key: name the private key beside it",
        "huge": "larger than 1 MiB",
        "damaged": "is damaged",
        "pem": "is damaged",
        "missing": "cannot be read: No such file or directory",
        ".": "cannot be read: Is a directory",
    }.items():
        path = tmp_path / name
        message = refused(lambda path=path: credentials().key_files(naming(path)))
        assert message.startswith(f"key file {path} ")
        assert reason in message
        assert "hunter2" not in message


def test_of_several_key_files_the_usable_ones_are_offered_as_by_ssh(
    key_forms: Path, tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_text("PASSWORD=hunter2\n")
    garbage.chmod(0o600)
    open_to_others = copy(key_forms / "rsa", tmp_path / "open", 0o644)
    bad = [garbage, open_to_others, key_forms / "rsa-locked", tmp_path / "missing"]
    good = key_forms / "ed25519"
    for paths in ([good, *bad], [*bad, good]):
        store = credentials()
        (key,) = store.key_files(naming(*paths))
        assert key.path == str(good)
        assert [note.split()[2] for note in store.notes] == list(map(str, bad))
        assert all(note.endswith("; it is not offered") for note in store.notes)
    message = refused(lambda: credentials().key_files(naming(*bad)))
    assert all(str(path) in message for path in bad)


def test_without_a_usable_key_file_the_password_or_the_agent_remains(tmp_path: Path) -> None:
    for other in ({"password": Secret("x")}, {"agent": str(tmp_path / "agent")}):
        store = credentials()
        assert store.key_files(naming(tmp_path / "missing", **other)) == ()
        assert "No such file or directory; it is not offered" in store.notes[0]


def test_no_identity_file_means_no_default_one_either(key_forms: Path) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir()
    copy(key_forms / "ed25519", folder / "id_ed25519")
    assert credentials().key_files(naming()) == ()
    assert len(credentials().key_files(SshSettings())) == 1


def test_a_key_that_others_can_read_is_refused_with_the_chmod_command(
    key_forms: Path, tmp_path: Path
) -> None:
    for mode in (0o640, 0o604, 0o644):
        path = copy(key_forms / "ed25519", tmp_path / "a key", mode)
        message = refused(lambda path=path: credentials().key_files(naming(path)))
        assert f"can be read by others (mode {mode:04o}): chmod 600 '{path}'" in message
    subprocess.run(message.partition("): ")[2], shell=True, check=True)
    assert credentials().key_files(naming(path))


def test_an_unreadable_key_is_refused(key_forms: Path, mocker) -> None:
    mocker.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied"))
    message = refused(lambda: credentials().key_files(naming(key_forms / "rsa")))
    assert message == f"key file {key_forms / 'rsa'} cannot be read: Permission denied"


def test_home_relative_paths_are_found(key_forms: Path) -> None:
    copy(key_forms / "ed25519", Path.home() / "mine")
    (key,) = credentials().key_files(SshSettings(identity_files=("~/mine",)))
    assert key.public == public_of(key_forms / "ed25519")


# Certificates.


@pytest.fixture
def certified(key_forms: Path, tmp_path: Path) -> Path:
    """A key with its certificate file next to it."""
    ca = ssh_keygen(tmp_path / "ca")
    key = copy(key_forms / "ed25519", tmp_path / "key")
    shutil.copy(key_forms / "ed25519.pub", tmp_path / "key.pub")
    subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "me", f"{key}.pub"], check=True)
    return key


def test_a_key_is_offered_with_the_certificate_file_next_to_it(certified: Path) -> None:
    (key,) = credentials().key_files(naming(certified))
    beside = Path(f"{certified}-cert.pub")
    assert key.certificate == beside.read_bytes().strip()
    assert asyncssh.import_certificate(key.certificate).get_comment_bytes() is not None
    assert is_certificate_for(key.certificate, key.public)
    assert not is_certificate_for(key.certificate, key.public[:-1] + b"?")
    beside.write_text("garbage")
    store = credentials()
    (key,) = store.key_files(naming(certified))
    assert key.certificate is None
    assert store.notes == (
        f"certificate {beside} is not an OpenSSH certificate; it is not offered",
    )


def test_a_configured_certificate_is_offered_with_the_key_it_certifies(
    key_forms: Path, tmp_path: Path, certified: Path
) -> None:
    elsewhere = Path(f"{certified}-cert.pub").rename(tmp_path / "elsewhere")
    store = credentials()
    settings = naming(key_forms / "rsa", certified, certificate_files=(str(elsewhere),))
    rsa, key = store.key_files(settings)
    assert (rsa.certificate, key.certificate) == (None, elsewhere.read_bytes().strip())


def test_an_unusable_certificate_leaves_the_keys_and_gives_a_note(
    key_forms: Path, tmp_path: Path, certified: Path
) -> None:
    elsewhere = Path(f"{certified}-cert.pub").rename(tmp_path / "elsewhere")
    for path, problem in {
        elsewhere: "was made for none of the key files of this host",
        tmp_path / "nowhere": "cannot be read: No such file or directory",
        Path(f"{certified}.pub"): "is not an OpenSSH certificate",
    }.items():
        store = credentials()
        (key,) = store.key_files(naming(key_forms / "rsa", certificate_files=(str(path),)))
        assert key.certificate is None
        assert store.notes == (f"certificate {path} {problem}; it is not offered",)

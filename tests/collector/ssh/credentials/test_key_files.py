"""Key files: unusable files, and the certificates of a key."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import asyncssh
import pytest

from sockfleet.collector.ssh.credentials.key_files import is_certificate_for
from sockfleet.inventory.models import SshSettings
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
    alone = naming(key_forms / "rsa", certificate_files=(str(elsewhere),))
    message = refused(lambda: store.key_files(alone))
    assert message == (f"certificate {elsewhere} was made for none of the key files of this host")
    missing = naming(certified, certificate_files=(str(tmp_path / "nowhere"),))
    assert "cannot be read: No such file" in refused(lambda: store.key_files(missing))
    no_certificate = naming(certified, certificate_files=(f"{certified}.pub",))
    assert "is not an OpenSSH certificate" in refused(lambda: store.key_files(no_certificate))

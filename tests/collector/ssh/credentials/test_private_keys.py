"""Private keys: every form that ssh-keygen writes is unlocked, unusable ones are refused."""

from __future__ import annotations

import base64
import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import dsa, ec, x25519
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.ssh.credentials.private_keys import (
    KeyFileError,
    public_key_blob,
    read_key_file,
    unlock,
)
from sockfleet.inventory.models import Secret
from tests.support.ssh.key_forms import FORMS, PASSPHRASE, credentials, naming, public_of, refused

PARAMIKO = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
    "ssh-rsa": paramiko.RSAKey,
}


@pytest.mark.parametrize("locked", ["", "-locked"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_key_is_unlocked_for_the_libraries(
    key_forms: Path, form: str, locked: str
) -> None:
    path = key_forms / f"{form}{locked}"
    assert read_key_file(path.read_bytes()).encrypted is bool(locked)
    (key,) = credentials(lambda _: Secret(PASSPHRASE)).key_files(naming(path))
    assert key.path == str(path)
    assert key.passphrase is None
    assert key.certificate is None
    assert key.public == public_of(key_forms / form)
    assert key.kind == (key_forms / f"{form}.pub").read_text().split()[0]
    assert asyncssh.import_private_key(key.pem).public_data == key.public
    assert PARAMIKO[key.kind](file_obj=io.StringIO(key.pem.decode())).asbytes() == key.public
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("form", ["rsa-pkcs8", "ecdsa-pkcs8", "rsa-pem", "ecdsa-pem"])
def test_a_key_behind_what_openssl_writes_before_it_is_taken_as_by_ssh(
    key_forms: Path, tmp_path: Path, form: str, locked: bool
) -> None:
    # "openssl pkcs12 -nodes" writes attributes and certificates, "openssl ecparam" parameters.
    key = (key_forms / f"{form}{'-locked' * locked}").read_text()
    before = (
        "Bag Attributes\n    localKeyID: 54 69 6D 65\nsubject=CN = Proc-Type: 4,ENCRYPTED\n"
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        "Key Attributes: <No Attributes>\n"
    )
    after = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    path = tmp_path / "key"
    path.write_text(before + key + after)
    path.chmod(0o600)
    theirs = subprocess.run(
        ["ssh-keygen", "-y", "-P", PASSPHRASE * locked, "-f", str(path)],
        capture_output=True,
        check=True,
    )
    (found,) = credentials(lambda _: Secret(PASSPHRASE)).key_files(naming(path))
    assert found.public == public_key_blob(theirs.stdout) == public_of(key_forms / form)
    assert read_key_file(path.read_bytes()).encrypted is locked


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (b"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com"),
        (b"ssh-newer@example.org", "ssh-newer@example.org"),
    ],
)
@pytest.mark.parametrize("cipher", [b"none", b"aes256-ctr"])
def test_a_key_that_cryptography_cannot_decrypt_is_kept_as_in_the_file(
    tmp_path: Path, kind: bytes, name: str, cipher: bytes
) -> None:
    def string(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    public = string(kind) + string(b"x" * 32) + string(b"ssh:")
    raw = b"openssh-key-v1\0" + string(cipher) + string(b"none" if cipher == b"none" else b"bcrypt")
    raw += string(b"" if cipher == b"none" else string(b"s" * 16) + b"\0\0\0\1")
    raw += b"\0\0\0\1" + string(public) + string(b"?" * 64)
    path = tmp_path / "key"
    body = base64.encodebytes(raw).decode()
    path.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n"
    )
    path.chmod(0o600)
    (key,) = credentials(lambda _: Secret(PASSPHRASE)).key_files(naming(path))
    assert (key.kind, key.public, key.pem) == (name, public, path.read_bytes())
    assert (key.passphrase is None) is (cipher == b"none")


@given(st.binary(max_size=300))
def test_garbage_is_no_key(data: bytes) -> None:
    armoured = base64.encodebytes(b"openssh-key-v1\0" + data)
    begin, end = (b"-----%s OPENSSH PRIVATE KEY-----\n" % word for word in (b"BEGIN", b"END"))
    for text in (data, begin + data, begin + armoured + end, b"-----BEGIN PRIVATE KEY-----" + data):
        with pytest.raises(KeyFileError):
            unlock(text, None)
    public_key_blob(data)


@pytest.mark.parametrize(
    "make",
    [x25519.X25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP256K1())],
    ids=["x25519", "secp256k1"],
)
def test_a_key_type_without_use_in_ssh_is_refused(
    tmp_path: Path, make: Callable[[], object]
) -> None:
    key = make()
    path = tmp_path / "key"
    path.write_bytes(
        key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    )
    path.chmod(0o600)
    assert "that SSH servers do not take" in refused(lambda: credentials().key_files(naming(path)))


@pytest.mark.parametrize("form", ["openssh", "pem"])
def test_a_dsa_key_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / "key"
    key = dsa.generate_private_key(1024)
    path.write_bytes(
        key.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, forms.NoEncryption()
        )
    )
    path.chmod(0o600)
    if form == "openssh":
        # ssh-keygen of 10.0 and later makes no DSA keys; the header is enough here.
        kind = b"\0\0\0\7ssh-dss"
        raw = b"openssh-key-v1\0" + (b"\0\0\0\4none" * 2) + b"\0" * 4 + b"\0\0\0\1"
        raw += len(kind).to_bytes(4, "big") + kind
        begin, end = (f"-----{word} OPENSSH PRIVATE KEY-----" for word in ("BEGIN", "END"))
        path.write_text(f"{begin}\n{base64.encodebytes(raw).decode()}{end}\n")
    assert "that SSH servers do not take" in refused(lambda: credentials().key_files(naming(path)))

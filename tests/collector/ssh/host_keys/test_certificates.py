"""Host certificates: made by ssh-keygen, checked as ssh checks them, and damaged."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.ssh.host_keys.certificates import (
    CertificateError,
    is_certificate_type,
    read_host_certificate,
)
from sockfleet.collector.ssh.host_keys.policy import (
    HostKeyCheck,
    HostKeyVerifier,
    OtherKeyTypesError,
)
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host
from tests.support.ssh.sshd import Sshd, ssh_keygen

NOW = 1_800_000_000.0
VALID = ("-V", "20260101000000Z:20360101000000Z")


def blob_of(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split()[1])


def line_of(path: Path) -> str:
    return " ".join(path.read_text().split()[:2])


class Authority:
    """Signs host keys."""

    def __init__(self, folder: Path, kind: str = "ed25519") -> None:
        self.folder = folder
        self.key = ssh_keygen(folder / f"ca_{kind}", key_type=kind)
        self.public = self.key.with_suffix(".pub")

    def certify(self, name: str, *options: str, kind: str = "ed25519", host: bool = True) -> Path:
        key = ssh_keygen(self.folder / name, key_type=kind)
        command = ["ssh-keygen", "-q", "-s", self.key, "-I", "id", *(["-h"] if host else [])]
        dates = () if "-V" in options else VALID
        subprocess.run([*command, *dates, *options, f"{key}.pub"], check=True)
        return key.with_name(f"{name}-cert.pub")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def check_for(tmp_path: Path, text: str, address: str = "web1") -> HostKeyCheck:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    verifier = HostKeyVerifier(TransportSettings(known_hosts_files=(str(file),)))
    return verifier.for_host(Host(name="a-name", address=address, port=2222))


def refusal_of(check: Callable[[], None], category: Category = Category.HOSTCERT) -> str:
    with pytest.raises(HostError) as caught:
        check()
    assert caught.value.category is category
    assert caught.value.message.isprintable()
    return caught.value.message


@pytest.mark.parametrize("by", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_certificates_of_ssh_keygen_are_read(tmp_path: Path, by: str, kind: str) -> None:
    authority = Authority(tmp_path, by)
    path = authority.certify("host", "-n", "web1,web2", kind=kind)
    read = read_host_certificate(blob_of(path))
    assert read.key == blob_of(tmp_path / "host.pub")
    assert read.authority == blob_of(authority.public)
    assert read.for_hosts
    assert read.principals == ("web1", "web2")
    assert (read.valid_after, read.valid_before) == (1_767_225_600, 2_082_758_400)
    check = check_for(tmp_path, f"@cert-authority web* {line_of(authority.public)}\n")
    check.check_certificate(blob_of(path), NOW)
    check.check_authority(read.authority)


def test_a_certificate_of_a_trusted_authority_is_valid_for_its_names_and_days(
    authority: Authority, tmp_path: Path
) -> None:
    text = f"@cert-authority * {line_of(authority.public)}\n"
    check = check_for(tmp_path, text)
    named = blob_of(authority.certify("named", "-n", "web2"))
    assert "not valid for [web1]:2222: it was made for web2" in refusal_of(
        lambda: check.check_certificate(named, NOW)
    )
    check_for(tmp_path, text, "web2").check_certificate(named, NOW)
    check_for(tmp_path, text, "WEB2").check_certificate(named, NOW)
    wild = blob_of(authority.certify("wild", "-n", "web*"))
    assert "made for web*" in refusal_of(lambda: check.check_certificate(wild, NOW))
    anyone = blob_of(authority.certify("anyone"))
    check.check_certificate(anyone, NOW)
    assert "expired" in refusal_of(lambda: check.check_certificate(anyone, 2_082_758_400.0))
    assert "not valid yet" in refusal_of(lambda: check.check_certificate(anyone, 1_767_225_599.0))
    user = blob_of(authority.certify("user", "-n", "web1", host=False))
    assert "a user's certificate" in refusal_of(lambda: check.check_certificate(user, NOW))
    critical = blob_of(authority.certify("critical", "-O", "critical:force-fun@x.org=1"))
    assert "has unknown critical options: force-fun@x.org" in refusal_of(
        lambda: check.check_certificate(critical, NOW)
    )


def test_an_unknown_authority_is_refused_and_known_keys_are_offered_instead(
    authority: Authority, tmp_path: Path
) -> None:
    blob = blob_of(authority.certify("foreign"))
    other = ssh_keygen(tmp_path / "other").with_suffix(".pub")
    check = check_for(tmp_path, f"@cert-authority * {line_of(other)}\n")
    assert "no @cert-authority line for this host has that key" in refusal_of(
        lambda: check.check_certificate(blob, NOW)
    )
    key = line_of(authority.folder / "foreign.pub")
    check = check_for(tmp_path, f"@cert-authority * {line_of(other)}\n[web1]:2222 {key}\n")
    with pytest.raises(OtherKeyTypesError) as caught:
        check.check_certificate(blob, NOW)
    assert caught.value.category is Category.HOSTCERT
    assert caught.value.algorithms == ("ssh-ed25519",)


@pytest.mark.parametrize("revoked", ["authority", "key"])
def test_a_revoked_authority_or_key_is_refused(
    authority: Authority, tmp_path: Path, revoked: str
) -> None:
    blob = blob_of(authority.certify(f"revoked-{revoked}"))
    line = line_of(
        authority.public if revoked == "authority" else authority.folder / "revoked-key.pub"
    )
    text = f"@cert-authority * {line_of(authority.public)}\n@revoked * {line}\n"
    check = check_for(tmp_path, text)
    assert "marked @revoked" in refusal_of(
        lambda: check.check_certificate(blob, NOW), Category.HOSTKEY_REVOKED
    )


def test_sha_1_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "rsa")
    path = authority.certify("host", "-t", "ssh-rsa")
    with pytest.raises(CertificateError, match="kind 'ssh-rsa' is not accepted"):
        read_host_certificate(blob_of(path))


def test_a_forged_signature_is_refused(authority: Authority, tmp_path: Path) -> None:
    blob = bytearray(blob_of(authority.certify("forged", "-n", "web2")))
    at = blob.index(b"web2")
    blob[at : at + 4] = b"web1"
    check = check_for(tmp_path, f"@cert-authority * {line_of(authority.public)}\n")
    assert "its signature is wrong" in refusal_of(lambda: check.check_certificate(bytes(blob), NOW))


def test_every_cut_and_every_flipped_byte_is_refused(authority: Authority) -> None:
    blob = blob_of(authority.certify("spoilt", "-n", "web1"))
    for at in range(len(blob)):
        with pytest.raises(CertificateError):
            read_host_certificate(blob[:at])
        flipped = bytearray(blob)
        flipped[at] ^= 0x41
        with pytest.raises(CertificateError):
            read_host_certificate(bytes(flipped))
    with pytest.raises(CertificateError):
        read_host_certificate(blob + b"x")


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    kind = b"ssh-ed25519-cert-v01@openssh.com"
    for blob in (data, len(kind).to_bytes(4, "big") + kind + data):
        with pytest.raises(CertificateError):
            read_host_certificate(blob)


def test_names_of_certificate_types() -> None:
    assert is_certificate_type("ssh-ed25519-cert-v01@openssh.com")
    assert not is_certificate_type("ssh-ed25519")


@pytest.mark.parametrize(
    ("principals", "good"), [("127.0.0.1", True), ("127.*", False), ("web1", False), (None, True)]
)
def test_ssh_and_asyncssh_agree(
    authority: Authority, tmp_path: Path, principals: str | None, good: bool
) -> None:
    options = ["-V", "always:forever"] + (["-n", principals] if principals else [])
    path = authority.certify(f"real-{principals}".replace("*", "x"), *options)
    key = path.with_name(path.name.removesuffix("-cert.pub"))
    lines = [f"HostKey {key}", f"HostCertificate {path}"]
    text = f"@cert-authority 127.0.0.1 {line_of(authority.public)}\n"
    with Sshd(tmp_path / "sshd", config=lines) as server:
        check = check_for(tmp_path, text, "127.0.0.1")
        command = ["ssh", "-F", "/dev/null", "-p", str(server.port), "-i", str(server.client_key)]
        for option in (
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={tmp_path / 'known_hosts'}",
            "GlobalKnownHostsFile=/dev/null",
        ):
            command += ["-o", option]
        run = subprocess.run(
            [*command, f"{server.user}@127.0.0.1", "true"], check=False, capture_output=True
        )
    assert (run.returncode == 0) is good
    certificate = asyncssh.read_certificate(path)
    assert certificate.public_data == blob_of(path)
    if good:
        check.check_certificate(blob_of(path), NOW)
    else:
        refusal_of(lambda: check.check_certificate(blob_of(path), NOW))

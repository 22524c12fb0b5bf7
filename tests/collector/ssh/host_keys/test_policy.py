"""The host key policy: it agrees with ssh on a real server, and requests known key types."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.ssh.host_keys.policy import OtherKeyTypesError
from sockfleet.inventory.models import SshSettings
from tests.support.ssh.host_keys import Key, host, public, ssh_accepts, verdict, verifier_for
from tests.support.ssh.sshd import Sshd


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


# Against ssh itself.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with Sshd(
        tmp_path_factory.mktemp("server"),
        addresses=["127.0.0.1", "::1"],
        host_key_types=("ed25519", "ecdsa"),
    ) as running:
        yield running


SAME_AS_SSH = [
    ("[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("127.0.0.1 {key}", "127.0.0.1", "", None),
    ("127.0.0.1 {other}", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
    ("[127.0.0.1]:{port} {other}", "127.0.0.1", "", Category.HOSTKEY_CHANGED),
    ("[127.0.0.1]:{port} {other}\n127.0.0.1 {key}", "127.0.0.1", "", Category.HOSTKEY_CHANGED),
    ("[127.0.0.1]:{port} {other}\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("[127.*]:{port} {key}", "127.0.0.1", "", None),
    ("[127.*]:*,![127.0.0.1]:* {key}", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
    ("@revoked * {key}\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", Category.HOSTKEY_REVOKED),
    ("@revoked * {other}\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("@cert-authority * {key}", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
    ("web1 {key}", "127.0.0.1", "web1", None),
    ("[web1]:{port} {key}", "127.0.0.1", "web1", Category.HOSTKEY_UNKNOWN),
    ("127.0.0.1 {key}", "127.0.0.1", "web1", Category.HOSTKEY_UNKNOWN),
    ("WEB1 {key}", "127.0.0.1", "Web1", None),
    ("[::1]:{port} {key}", "::1", "", None),
    ("[::1]:{port} {key}", "0:0:0:0:0:0:0:1", "", None),
    ("[0:0:0:0:0:0:0:1]:{port} {key}", "0:0:0:0:0:0:0:1", "", Category.HOSTKEY_UNKNOWN),
    ("[127.0.0.1]:{port}\t{key}\r", "127.0.0.1", "", None),
    ("garbage\n@odd x y\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
]


@pytest.mark.parametrize(("text", "address", "alias", "category"), SAME_AS_SSH)
def test_the_verdict_is_that_of_ssh(
    server: Sshd,
    keys: dict[str, Key],
    file: Path,
    text: str,
    address: str,
    alias: str,
    category: Category | None,
) -> None:
    key = public(server.host_keys[0])
    file.write_text(text.format(port=server.port, key=key.line, other=keys["one"].line) + "\n")
    options = ["StrictHostKeyChecking=yes", f"HostKeyAlgorithms={key.kind}"]
    options += [f"HostKeyAlias={alias}"] if alias else []
    assert ssh_accepts(server, file, address, *options) is (category is None)
    at = host(address, server.port, SshSettings(host_key_alias=alias or None))
    assert verdict(verifier_for(file), at, key) is category


def test_a_known_host_that_shows_another_type_is_changed_as_with_ssh(
    server: Sshd, file: Path
) -> None:
    ed25519, ecdsa = (public(path) for path in server.host_keys)
    file.write_text(f"[127.0.0.1]:{server.port} {ed25519.line}\n")
    options = ("StrictHostKeyChecking=yes", f"HostKeyAlgorithms={ecdsa.kind}")
    assert not ssh_accepts(server, file, "127.0.0.1", *options)
    at = host("127.0.0.1", server.port)
    assert verdict(verifier_for(file), at, ecdsa) is Category.HOSTKEY_CHANGED


# Algorithms.


def test_algorithms_of_known_keys_come_first(keys: dict[str, Key], file: Path) -> None:
    file.write_text(
        f"web1 {keys['rsa'].line}\nweb1 {keys['one'].line}\n"
        f"@cert-authority *.example.org {keys['two'].line}\na.example.org {keys['one'].line}\n"
    )
    verifier = verifier_for(file)
    assert verifier.for_host(host("web1")).algorithms == (
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-rsa",
        "ssh-ed25519",
    )
    assert verifier.for_host(host("db")).algorithms == ()
    certified = verifier.for_host(host("a.example.org")).algorithms
    assert certified[0] == "ssh-ed25519-cert-v01@openssh.com"
    assert certified[-1] == "ssh-ed25519"


def test_large_hashed_files_give_the_known_types_after_the_first_check(
    keys: dict[str, Key], file: Path, mocker
) -> None:
    file.write_text(f"web1 {keys['ecdsa'].line}\nother {keys['one'].line}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    mocker.patch("sockfleet.collector.ssh.host_keys.known_hosts._HASHED_AT_ONCE", 1)
    verifier = verifier_for(file)
    check = verifier.for_host(host())
    assert check.algorithms == ()
    with pytest.raises(OtherKeyTypesError) as caught:
        check.check_key(keys["two"].kind, keys["two"].blob)
    assert caught.value.category is Category.HOSTKEY_CHANGED
    assert caught.value.algorithms == ("ecdsa-sha2-nistp256",)
    again = verifier.for_host(host())
    assert again.algorithms == ("ecdsa-sha2-nistp256",)
    again.check_key(keys["ecdsa"].kind, keys["ecdsa"].blob)
    with pytest.raises(HostError) as caught_again:
        again.check_key(keys["two"].kind, keys["two"].blob)
    assert not isinstance(caught_again.value, OtherKeyTypesError)


def test_an_rsa_key_that_is_shorter_than_the_options_allow_is_refused_as_by_ssh(
    tmp_path: Path, file: Path
) -> None:
    with Sshd(tmp_path / "server", host_key_types=("rsa",)) as server:
        key = public(server.host_keys[0])
        file.write_text(server.known_hosts_lines())
        shown = subprocess.run(
            ["ssh-keygen", "-lf", str(key.path)], capture_output=True, text=True, check=True
        )
        own = int(shown.stdout.split()[0])
        for bits, is_long_enough in ((own, True), (own + 1, False)):
            at = host("127.0.0.1", server.port, SshSettings(least_rsa_bits=bits))
            found = verdict(verifier_for(file), at, key)
            assert found is (None if is_long_enough else Category.NO_COMMON_ALG)
            options = ["StrictHostKeyChecking=yes", f"RequiredRSASize={bits}"]
            assert ssh_accepts(server, file, "127.0.0.1", *options) is is_long_enough


@pytest.mark.parametrize(
    ("allowed", "is_trusted"),
    [
        ((), True),
        (("ssh-ed25519",), True),
        (("ecdsa-sha2-nistp256", "rsa-sha2-512"), False),
        (("-ssh-ed25519",), False),
    ],
)
def test_an_authority_is_trusted_by_the_kind_of_its_key(
    keys: dict[str, Key], file: Path, allowed: tuple[str, ...], *, is_trusted: bool
) -> None:
    file.write_text(f"@cert-authority * {keys['one'].line}\n")
    at = host("web1", 22, SshSettings(authority_algorithms=allowed))
    check = verifier_for(file).for_host(at)
    if is_trusted:
        check.check_authority(keys["one"].blob)
        return
    with pytest.raises(HostError, match="CASignatureAlgorithms") as caught:
        check.check_authority(keys["one"].blob)
    assert caught.value.category is Category.HOSTCERT

"""Host keys through both transports: what is trusted, what is refused, and what is learnt."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, Phase
from sockfleet.inventory.models import Host, HostKeyPolicy
from tests.support.ssh.over_ssh import ask, ask_all, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd, ssh_keygen

PLAIN = "127.0.22.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("sshd")
    with Sshd(folder, addresses=(PLAIN, "::1"), host_key_types=("ed25519", "ecdsa", "rsa")) as sshd:
        yield sshd


@pytest.fixture
def known_hosts(tmp_path) -> Path:
    return tmp_path / "known_hosts"


def host(server: Sshd, address: str = PLAIN, **ssh) -> Host:
    return Host(name="web1", address=address, port=server.port, ssh=ssh_settings(server, **ssh))


def public(key: Path) -> str:
    """Type and base64, as known_hosts has them."""
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def place(server: Sshd, name: str = PLAIN) -> str:
    return f"[{name}]:{server.port}"


# Plain keys.


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_one_known_type_of_three_is_enough(transport, server, known_hosts, kind):
    key = next(key for key in server.host_keys if key.name == f"host_{kind}")
    known_hosts.write_text(f"{place(server)} {public(key)}\n")
    assert ask(transport, settings_for(known_hosts), host(server)).stdout == b"out\n"


def test_a_hashed_file(transport, server, known_hosts):
    known_hosts.write_text(server.known_hosts_lines())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known_hosts], check=True, capture_output=True)
    assert "127." not in known_hosts.read_text()
    assert ask(transport, settings_for(known_hosts), host(server)).stdout == b"out\n"


def test_a_hashed_file_that_knows_another_type_than_the_server_prefers(
    transport, server, known_hosts, tmp_path
):
    # So many hashed lines that the types are not looked up beforehand: the second try is right.
    rsa = next(key for key in server.host_keys if key.name == "host_rsa")
    known_hosts.write_text(f"{place(server)} {public(rsa)}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known_hosts], check=True, capture_output=True)
    other = public(ssh_keygen(tmp_path / "other"))
    salt = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|"
    padding = "".join(f"{salt}{n:026d}0= {other}\n" for n in range(1200))
    known_hosts.write_text(padding + known_hosts.read_text())
    assert ask(transport, settings_for(known_hosts), host(server)).stdout == b"out\n"


def test_an_ipv6_address(transport, server, known_hosts):
    known_hosts.write_text(server.known_hosts_lines("::1"))
    outcome = ask(transport, settings_for(known_hosts), host(server, "::1"))
    assert outcome.stdout == b"out\n"
    assert outcome.attempt.address == "::1"


def test_a_host_key_alias(transport, server, known_hosts):
    known_hosts.write_text(f"the-alias {public(server.host_keys[0])}\n")
    outcome = ask(transport, settings_for(known_hosts), host(server, host_key_alias="the-alias"))
    assert outcome.stdout == b"out\n"


def test_wildcards_and_negation(transport, server, known_hosts):
    key = public(server.host_keys[0])
    known_hosts.write_text(f"[127.0.22.*]:{server.port} {key}\n")
    assert ask(transport, settings_for(known_hosts), host(server)).stdout == b"out\n"
    known_hosts.write_text(f"[127.0.22.*]:{server.port},!{place(server)} {key}\n")
    outcome = ask(transport, settings_for(known_hosts), host(server))
    assert outcome.fault == (Category.HOSTKEY_UNKNOWN, Phase.KEX)


def test_an_unknown_key_is_refused_and_the_message_says_how_to_trust_it(
    transport, server, known_hosts
):
    outcome = ask(transport, settings_for(known_hosts), host(server))
    assert outcome.fault == (Category.HOSTKEY_UNKNOWN, Phase.KEX)
    message = outcome.error.message
    assert f"ssh-keyscan -p {server.port} " in message
    assert "SHA256:" in message
    assert not known_hosts.exists()


def test_a_changed_key_is_refused(transport, server, known_hosts, tmp_path):
    other = ssh_keygen(tmp_path / "other")
    known_hosts.write_text(f"{place(server)} {public(other)}\n")
    outcome = ask(transport, settings_for(known_hosts), host(server))
    assert outcome.fault == (Category.HOSTKEY_CHANGED, Phase.KEX)
    assert f"-R '{place(server)}'" in outcome.error.message


def test_a_revoked_key_is_refused_though_it_is_known(transport, server, known_hosts):
    lines = server.known_hosts_lines()
    revoked = "".join(f"@revoked * {public(key)}\n" for key in server.host_keys)
    known_hosts.write_text(revoked + lines)
    outcome = ask(transport, settings_for(known_hosts), host(server))
    assert outcome.fault == (Category.HOSTKEY_REVOKED, Phase.KEX)


# accept-new.


def accepting(known_hosts: Path):
    return settings_for(known_hosts, host_keys=HostKeyPolicy.ACCEPT_NEW)


def test_accept_new_learns_a_key_once(transport, server, known_hosts):
    outcomes = ask_all(transport, accepting(known_hosts), [host(server) for _ in range(6)])
    assert {outcome.stdout for outcome in outcomes} == {b"out\n"}
    lines = known_hosts.read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].split()[0] == place(server)
    assert ask(transport, settings_for(known_hosts), host(server)).stdout == b"out\n"


def test_accept_new_never_takes_a_changed_key(transport, server, known_hosts, tmp_path):
    text = f"{place(server)} {public(ssh_keygen(tmp_path / 'other'))}\n"
    known_hosts.write_text(text)
    outcome = ask(transport, accepting(known_hosts), host(server))
    assert outcome.fault == (Category.HOSTKEY_CHANGED, Phase.KEX)
    assert known_hosts.read_text() == text


def test_accept_new_that_cannot_write_fails_the_host(transport, server, tmp_path):
    known_hosts = tmp_path / "a file" / "known_hosts"
    (tmp_path / "a file").write_text("not a folder")
    outcome = ask(transport, accepting(known_hosts), host(server))
    assert outcome.error is not None
    assert outcome.error.category in (Category.LOCAL_RESOURCE, Category.CONFIG)


# Certificates.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ssh_keygen(tmp_path_factory.mktemp("ca") / "authority")


CERTIFIED = {
    "valid": ["-h", "-n", "127.0.23.1", "-V", "-1d:+1d"],
    "expired": ["-h", "-n", "127.0.23.2", "-V", "-2d:-1d"],
    "not yet valid": ["-h", "-n", "127.0.23.3", "-V", "+1d:+2d"],
    "of another host": ["-h", "-n", "db1.example", "-V", "-1d:+1d"],
    "of a user": ["-n", "127.0.23.5", "-V", "-1d:+1d"],
}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[dict]:
    """A server with each kind of certificate, each on an address of its own."""
    servers: dict[str, Sshd] = {}
    try:
        for number, (case, arguments) in enumerate(CERTIFIED.items(), 1):
            folder = tmp_path_factory.mktemp("certified")
            sshd = Sshd(
                folder,
                addresses=(f"127.0.23.{number}",),
                config=[f"HostCertificate {folder / 'host_ed25519-cert.pub'}"],
            )
            key = sshd.host_keys[0].with_suffix(".pub")
            subprocess.run(
                ["ssh-keygen", "-q", "-s", authority, "-I", case, *arguments, key],
                check=True,
            )
            servers[case] = sshd.__enter__()
        yield servers
    finally:
        for sshd in servers.values():
            sshd.stop()


def trust(known_hosts: Path, authority: Path, pattern: str = "*") -> None:
    known_hosts.write_text(f"@cert-authority {pattern} {public(authority)}\n")


def test_a_certificate_of_a_trusted_authority(transport, certified, authority, known_hosts):
    trust(known_hosts, authority)
    server = certified["valid"]
    outcome = ask(transport, settings_for(known_hosts), host(server, server.addresses[0]))
    assert outcome.stdout == b"out\n"


@pytest.mark.parametrize("case", [case for case in CERTIFIED if case != "valid"])
def test_a_certificate_that_is_not_good(transport, certified, authority, known_hosts, case):
    trust(known_hosts, authority)
    server = certified[case]
    outcome = ask(transport, settings_for(known_hosts), host(server, server.addresses[0]))
    assert outcome.fault == (Category.HOSTCERT, Phase.KEX), outcome.error
    assert f"{server.addresses[0]}:{server.port}" in outcome.error.message


def test_a_certificate_of_a_foreign_authority(transport, certified, known_hosts, tmp_path):
    trust(known_hosts, ssh_keygen(tmp_path / "foreign"))
    server = certified["valid"]
    outcome = ask(transport, settings_for(known_hosts), host(server, server.addresses[0]))
    assert outcome.fault == (Category.HOSTCERT, Phase.KEX)


def test_a_revoked_authority_certifies_nobody(transport, certified, authority, known_hosts):
    trust(known_hosts, authority)
    known_hosts.write_text(known_hosts.read_text() + f"@revoked * {public(authority)}\n")
    server = certified["valid"]
    outcome = ask(transport, settings_for(known_hosts), host(server, server.addresses[0]))
    # No certificate is asked for, and the plain key is known to nobody.
    assert outcome.fault == (Category.HOSTKEY_UNKNOWN, Phase.KEX)


def test_the_plain_key_of_a_certified_host(transport, certified, known_hosts):
    server = certified["expired"]
    known_hosts.write_text(server.known_hosts_lines())
    outcome = ask(transport, settings_for(known_hosts), host(server, server.addresses[0]))
    assert outcome.stdout == b"out\n"

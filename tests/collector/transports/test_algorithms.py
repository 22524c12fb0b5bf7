"""Servers that share no algorithm of some kind with this client, and the option that adds one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.pacing.retry import is_transient
from sockfleet.collector.transport import Attempt, Transport, TransportSettings
from sockfleet.inventory.models import Host
from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.over_ssh import (
    Outcome,
    ask,
    known_hosts_of,
    settings_for,
    ssh_settings,
    without_leaks,
)
from tests.support.ssh.sshd import Sshd, ssh_keygen


def ask_old(transport: str, server: Sshd, folder: Path, **ssh: object) -> Outcome:
    """Ask a server that is known under all its keys."""
    return ask(transport, settings_for(known_hosts_of(server, folder)), host(server, **ssh))


def host(server: Sshd, **ssh: object) -> Host:
    return Host(name="old", address="127.0.0.1", port=server.port, ssh=ssh_settings(server, **ssh))


@pytest.mark.parametrize(
    ("config", "kind", "remedies"),
    [
        (
            ["KexAlgorithms diffie-hellman-group-exchange-sha256"],
            "key exchange",
            {"KexAlgorithms=+diffie-hellman-group-exchange-sha256"},
        ),
        (
            ["KexAlgorithms sntrup761x25519-sha512@openssh.com"],
            "key exchange",
            {"has none of them"},
        ),
        (["Ciphers aes256-cbc"], "cipher", {"Ciphers=+aes256-cbc"}),
        (
            ["Ciphers aes128-ctr", "MACs umac-128@openssh.com"],
            "MAC",
            {"has none of them", "MACs=+umac-128@openssh.com"},  # asyncssh has it with libnettle
        ),
        (
            ["HostKeyAlgorithms ssh-rsa"],
            "host key algorithm",
            {"HostKeyAlgorithms=+ssh-rsa", "has none of them"},
        ),
    ],
)
def test_a_server_that_shares_none_of_a_kind_is_named_with_its_offer(
    transport, tmp_path, config, kind, remedies
):
    with Sshd(tmp_path / "sshd", config=config, host_key_types=["ed25519", "rsa"]) as server:
        outcome = ask_old(transport, server, tmp_path)
    assert outcome.fault == (Category.NO_COMMON_ALG, Phase.KEX)
    message = outcome.error.message
    offered = config[-1].split()[1]
    assert f"have no {kind} in common: the server offers {offered};" in message
    assert any(remedy in message for remedy in remedies), message
    assert not is_transient(outcome.error)
    assert "127.0.0.1" in message


def test_a_server_whose_only_host_key_is_ssh_rsa_is_read_with_the_option_that_the_message_names(
    tmp_path, asyncssh_path
):
    del asyncssh_path
    with Sshd(
        tmp_path / "sshd", config=["HostKeyAlgorithms ssh-rsa"], host_key_types=["rsa"]
    ) as server:
        outcome = ask_old("asyncssh", server, tmp_path)
        assert "HostKeyAlgorithms=+ssh-rsa" in outcome.error.message
        again = ask_old("asyncssh", server, tmp_path, host_key_algorithms=("+ssh-rsa",))
    assert again.stdout == b"out\n"


def test_a_host_known_by_its_rsa_key_alone_shows_it_where_its_other_key_is_not_known(
    tmp_path, asyncssh_path
):
    del asyncssh_path
    config = ["HostKeyAlgorithms ecdsa-sha2-nistp256,ssh-rsa"]
    with Sshd(tmp_path / "sshd", config=config, host_key_types=["ecdsa", "rsa"]) as server:
        known = tmp_path / "known_hosts"
        known.write_text(server.known_hosts_lines().splitlines()[1] + "\n")
        outcome = ask(
            "asyncssh", settings_for(known), host(server, host_key_algorithms=("+ssh-rsa",))
        )
    assert outcome.stdout == b"out\n"


def test_an_algorithm_that_the_library_lacks_is_noted_where_a_list_adds_it(sshd, settings):
    def notes_of(settings: TransportSettings, **ssh: object) -> tuple[str, ...]:
        async def log_in(transport):
            await transport.execute(Attempt(host=host(sshd, **ssh)), "true")
            return tuple(transport.notes)

        return without_leaks("paramiko", settings, log_in)

    (note,) = notes_of(settings, host_key_algorithms=("+ssh-rsa",))
    assert note == "HostKeyAlgorithms: paramiko lacks ssh-rsa: not offered"
    assert notes_of(settings) == ()
    assert notes_of(settings, host_key_algorithms=("ssh-dss", "ssh-ed25519")) == ()


# RSA keys of the client.


SHA1_NOTE = "ssh-rsa is offered, as it is named: RSA signatures with SHA-1, which is broken"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that takes RSA signatures by SHA-1 alone, as one before OpenSSH 7.2 does."""
    config = ["PubkeyAcceptedAlgorithms ssh-rsa", "HostKeyAlgorithms ssh-rsa,ssh-ed25519"]
    folder = tmp_path_factory.mktemp("old")
    with Sshd(folder, config=config, host_key_types=["ed25519", "rsa"]) as server:
        key = ssh_keygen(folder / "rsa_key", key_type="rsa")
        server.authorized_keys.write_text(key.with_suffix(".pub").read_text())
        yield server


def ask_with_rsa(
    transport: str, server: Sshd, folder: Path, **ssh: object
) -> tuple[HostError | None, tuple[str, ...]]:
    key = str(server.folder / "rsa_key")
    target = host(server, identity_files=(key,), **ssh)

    async def log_in(loaded: Transport) -> tuple[HostError | None, tuple[str, ...]]:
        failure = None
        try:
            await loaded.execute(Attempt(host=target), "true")
        except HostError as error:
            failure = error
        return failure, tuple(loaded.notes)

    return without_leaks(transport, settings_for(known_hosts_of(server, folder)), log_in)


def test_a_key_signs_with_sha_1_only_where_the_inventory_names_it(
    old, tmp_path, asyncssh_path, mocker
):
    # An old server does not say which signatures it takes (RFC 8308); sshd today does, if asked.
    mocker.patch.object(asyncssh.SSHClientConnection, "_get_extra_kex_algs", return_value=[])
    failure, notes = ask_with_rsa("asyncssh", old, tmp_path)
    assert failure is not None
    assert failure.category is Category.AUTH_DENIED
    assert "PubkeyAcceptedAlgorithms=+ssh-rsa" in failure.message
    if asyncssh_path == "fast":  # only there is it known which keys asyncssh sends
        assert "offered: nothing of the kinds that it takes" in failure.message
    assert notes == ()
    for names in (("+ssh-rsa",), ("ssh-rsa",)):
        failure, notes = ask_with_rsa("asyncssh", old, tmp_path, public_key_algorithms=names)
        assert failure is None
        assert notes == (f"PubkeyAcceptedAlgorithms: {SHA1_NOTE}",)


def test_a_scan_that_may_sign_with_sha_1_warns_of_it(old, tmp_path):
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        f"old ansible_host=127.0.0.1 ansible_port={old.port} ansible_user={old.user} "
        f"ansible_ssh_private_key_file={old.folder}/rsa_key "
        "ansible_ssh_common_args='-o PubkeyAcceptedAlgorithms=ssh-rsa'\n"
    )
    known_hosts = known_hosts_of(old, tmp_path)
    done = run_sockfleet("scan", inventory, "--known-hosts", known_hosts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"warning: PubkeyAcceptedAlgorithms: {SHA1_NOTE}\n" in done.stderr


def test_paramiko_says_that_it_lacks_sha_1(old, tmp_path):
    failure, notes = ask_with_rsa("paramiko", old, tmp_path, public_key_algorithms=("+ssh-rsa",))
    assert failure is not None
    assert "PubkeyAcceptedAlgorithms=+ssh-rsa" in failure.message
    assert notes == ("PubkeyAcceptedAlgorithms: paramiko lacks ssh-rsa: not offered",)


@pytest.mark.parametrize("names", [("rsa-sha2-256",), ("-ssh-ed25519",)])
def test_a_key_whose_algorithm_is_not_in_the_list_is_not_offered(transport, sshd, settings, names):
    outcome = ask(transport, settings, host(sshd, public_key_algorithms=names))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert str(sshd.client_key) in outcome.error.message
    assert "PubkeyAcceptedAlgorithms" in outcome.error.message
    named = ("rsa-sha2-256", "ssh-ed25519-cert-v01@openssh.com")
    assert ask(transport, settings, host(sshd, public_key_algorithms=named)).stdout == b"out\n"

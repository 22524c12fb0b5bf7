"""Every way to log in, through both transports, against a real sshd and a real ssh-agent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.ssh.credentials.store import Credentials
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, Secret
from tests.support.ssh.agent import ssh_agent
from tests.support.ssh.over_ssh import (
    ask,
    ask_all,
    known_hosts_of,
    settings_for,
    ssh_settings,
)
from tests.support.ssh.sshd import Sshd, ssh_keygen

PLAIN, CERTIFIED = "127.0.24.1", "127.0.24.2"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ssh_keygen(tmp_path_factory.mktemp("ca") / "authority")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Sshd]:
    sshd = Sshd(tmp_path_factory.mktemp("sshd"), addresses=(PLAIN, CERTIFIED))
    matches = f"""
Match LocalAddress {CERTIFIED}
    AuthorizedKeysFile none
    TrustedUserCAKeys {authority.with_suffix(".pub")}
"""
    sshd.config.write_text(sshd.config.read_text() + matches)
    with sshd:
        yield sshd


def host(server: Sshd, address: str = PLAIN, **ssh) -> Host:
    return Host(name="web1", address=address, port=server.port, ssh=ssh_settings(server, **ssh))


@pytest.fixture
def authorize(server):
    """``authorize(key)``: the server takes it too, until the test ends."""
    before = server.authorized_keys.read_text()

    def add(key: Path) -> Path:
        text = server.authorized_keys.read_text() + key.with_suffix(".pub").read_text()
        server.authorized_keys.write_text(text)
        return key

    yield add
    server.authorized_keys.write_text(before)


# Keys in files.


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_each_kind_of_key(transport, server, settings, authorize, tmp_path, kind):
    key = authorize(ssh_keygen(tmp_path / "key", key_type=kind))
    assert ask(transport, settings, host(server, identity_files=(str(key),))).stdout == b"out\n"


@pytest.mark.parametrize("form", ["PEM", "PKCS8"])
def test_older_formats_of_key_files(transport, server, settings, authorize, tmp_path, form):
    key = authorize(ssh_keygen(tmp_path / "key", "-m", form, key_type="rsa"))
    assert b"OPENSSH" not in key.read_bytes()
    assert ask(transport, settings, host(server, identity_files=(str(key),))).stdout == b"out\n"


def test_the_second_of_three_keys(transport, server, settings, tmp_path):
    first, third = (str(ssh_keygen(tmp_path / name)) for name in ("first", "third"))
    keys = (first, str(server.client_key), third)
    assert ask(transport, settings, host(server, identity_files=keys)).stdout == b"out\n"


def test_a_passphrase_is_asked_once_for_all_hosts(transport, server, settings, authorize, tmp_path):
    key = authorize(ssh_keygen(tmp_path / "key", passphrase=PASSPHRASE))
    asked = []

    def answer(path: str) -> Secret:
        asked.append(path)
        return Secret(PASSPHRASE)

    asking = TransportSettings(known_hosts_files=settings.known_hosts_files, ask_passphrase=answer)
    hosts = [host(server, identity_files=(str(key),)) for _ in range(5)]
    outcomes = ask_all(transport, asking, hosts)
    assert {outcome.stdout for outcome in outcomes} == {b"out\n"}
    assert asked == [str(key)]


@pytest.mark.parametrize(
    ("passphrase", "words"), [(None, "passphrase"), ("wrong", "wrong passphrase")]
)
def test_a_key_that_cannot_be_unlocked(
    transport, server, settings, tmp_path, monkeypatch, passphrase, words
):
    key = ssh_keygen(tmp_path / "key", passphrase=PASSPHRASE)
    if passphrase:
        monkeypatch.setenv("SOCKFLEET_PASSPHRASE", passphrase)
    outcome = ask(transport, settings, host(server, identity_files=(str(key),)))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert str(key) in outcome.error.message
    assert words in outcome.error.message


# Certificates of users.


def certify(key: Path, authority: Path, principal: str, *, valid: str = "-1d:+1d") -> Path:
    """KEY-cert.pub beside the key."""
    public = key.with_suffix(".pub")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", principal, "-V", valid, public],
        check=True,
    )
    return key.parent / f"{key.name}-cert.pub"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_certificate_beside_a_key(transport, server, settings, authority, tmp_path, kind):
    key = ssh_keygen(tmp_path / "key", key_type=kind)
    certify(key, authority, server.user)
    outcome = ask(transport, settings, host(server, CERTIFIED, identity_files=(str(key),)))
    assert outcome.stdout == b"out\n"


def test_a_certificate_in_a_file_of_its_own(transport, server, settings, authority, tmp_path):
    key = ssh_keygen(tmp_path / "key")
    elsewhere = certify(key, authority, server.user).rename(tmp_path / "elsewhere")
    ssh = {"identity_files": (str(key),), "certificate_files": (str(elsewhere),)}
    assert ask(transport, settings, host(server, CERTIFIED, **ssh)).stdout == b"out\n"


def test_a_certificate_that_has_expired(transport, server, settings, authority, tmp_path):
    key = ssh_keygen(tmp_path / "key")
    certify(key, authority, server.user, valid="-2d:-1d")
    outcome = ask(transport, settings, host(server, CERTIFIED, identity_files=(str(key),)))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)


# ssh-agent.


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_of_the_agent(transport, server, settings, authorize, tmp_path, kind):
    key = authorize(ssh_keygen(tmp_path / "key", key_type=kind))
    with ssh_agent(key) as agent:
        outcome = ask(transport, settings, host(server, identity_files=(), agent=agent))
    assert outcome.stdout == b"out\n"


def test_a_certificate_of_the_agent(transport, server, settings, authority, tmp_path):
    key = ssh_keygen(tmp_path / "key")
    certify(key, authority, server.user)
    with ssh_agent(key) as agent:
        ssh = {"identity_files": (), "agent": agent}
        outcome = ask(transport, settings, host(server, CERTIFIED, **ssh))
    assert outcome.stdout == b"out\n"


def test_an_agent_with_many_keys_offers_the_named_one_first(
    transport, server, settings, authorize, tmp_path
):
    others = [ssh_keygen(tmp_path / f"other{n}") for n in range(8)]
    key = authorize(ssh_keygen(tmp_path / "key", passphrase=PASSPHRASE))
    with ssh_agent(*others) as agent:
        subprocess.run(
            ["setsid", "ssh-add", "-q", key],
            env={**os.environ, "SSH_AUTH_SOCK": agent, **_askpass(tmp_path)},
            check=True,
            stdin=subprocess.DEVNULL,
        )
        ssh = {"identity_files": (str(key),), "agent": agent}
        assert ask(transport, settings, host(server, **ssh)).stdout == b"out\n"


def _askpass(folder: Path) -> dict[str, str]:
    script = folder / "askpass"
    script.write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
    script.chmod(0o700)
    return {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force"}


def test_an_agent_whose_keys_are_refused(transport, server, settings, tmp_path):
    with ssh_agent(ssh_keygen(tmp_path / "key", "-C", "a comment")) as agent:
        outcome = ask(transport, settings, host(server, identity_files=(), agent=agent))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "a comment (agent)" in outcome.error.message


def test_an_agent_that_does_not_answer(transport, server, settings, tmp_path):
    nobody = str(tmp_path / "nobody")
    outcome = ask(transport, settings, host(server, identity_files=(), agent=nobody))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert nobody in outcome.error.message
    ssh = {"agent": nobody}  # its own key is enough
    assert ask(transport, settings, host(server, **ssh)).stdout == b"out\n"


def test_only_the_named_keys_of_an_agent(transport, server, settings, authorize, tmp_path):
    key = authorize(ssh_keygen(tmp_path / "key"))
    named = ssh_keygen(tmp_path / "named")
    with ssh_agent(key) as agent:
        ssh = {"identity_files": (str(named),), "agent": agent, "identities_only": True}
        outcome = ask(transport, settings, host(server, **ssh))
        assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
        assert ask(transport, settings, host(server, **{**ssh, "identities_only": False})).output


# What only one transport can do.


def test_kerberos_that_is_missing_is_left_out_with_a_note_while_a_key_remains(
    transport, server, settings, mocker
):
    # Debian's own /etc/ssh/ssh_config says "GSSAPIAuthentication yes".
    noted = mocker.spy(Credentials, "leave_out")
    assert ask(transport, settings, host(server, gssapi=True)).output
    assert any("Kerberos" in problem for call in noted.call_args_list for problem in call.args[1])


def test_kerberos_alone_is_refused_where_it_is_missing(transport, server, settings):
    outcome = ask(transport, settings, host(server, gssapi=True, identity_files=()))
    assert outcome.error is not None
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert "Kerberos" in outcome.error.message


# Servers that want more than a key.


@pytest.mark.parametrize("second", ["password", "keyboard-interactive"])
def test_a_server_that_wants_a_second_method_beside_the_key_says_which(transport, tmp_path, second):
    config = [
        "UsePAM yes",
        "PasswordAuthentication yes",
        "KbdInteractiveAuthentication yes",
        f"AuthenticationMethods publickey,{second}",
    ]
    with Sshd(tmp_path / "sshd", config=config) as sshd:
        known_hosts = known_hosts_of(sshd, tmp_path)
        outcome = ask(transport, settings_for(known_hosts), host(sshd, "127.0.0.1"))
        wrong = ssh_keygen(tmp_path / "wrong")
        refused = ask(
            transport,
            settings_for(known_hosts),
            host(sshd, "127.0.0.1", identity_files=(str(wrong),)),
        )
    assert outcome.fault == refused.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert (
        f"accepted {sshd.client_key} for the login of {sshd.user} and still wants {second} "
        "(partial success)"
    ) in outcome.error.message
    assert "partial" not in refused.error.message


def test_only_the_keys_that_the_server_judged_are_listed(transport, tmp_path):
    keys = [ssh_keygen(tmp_path / f"key{n}") for n in range(5)]
    with Sshd(tmp_path / "sshd", config=["MaxAuthTries 2"]) as sshd:
        settings = settings_for(known_hosts_of(sshd, tmp_path))
        files = tuple(map(str, keys))
        outcome = ask(transport, settings, host(sshd, "127.0.0.1", identity_files=files))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert f"offered: {files[0]}, {files[1]}. " in outcome.error.message
    assert "IdentitiesOnly" in outcome.error.message
    assert files[2] not in outcome.error.message


# The order of the methods.


def test_methods_are_tried_in_the_order_of_the_options(transport, tmp_path):
    """The wrong password comes first, and uses up the only try."""
    config = ["PasswordAuthentication yes", "MaxAuthTries 1"]
    with Sshd(tmp_path / "sshd", config=config) as sshd:
        settings = settings_for(known_hosts_of(sshd, tmp_path))
        wrong = {"password": Secret("wrong")}
        first = ask(
            transport,
            settings,
            host(sshd, "127.0.0.1", login_methods=("password", "publickey"), **wrong),
        )
        last = ask(
            transport,
            settings,
            host(sshd, "127.0.0.1", login_methods=("publickey", "password"), **wrong),
        )
    assert first.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "offered: password" in first.error.message
    assert last.stdout == b"out\n"

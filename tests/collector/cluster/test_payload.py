"""What travels to a Dask worker: enough to ask, and nothing that is to stay here."""

from __future__ import annotations

import getpass
import pickle
from dataclasses import replace

import pytest

from sockfleet.collector.cluster.payload import PayloadBuilder, installed_software, prepare_host
from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Hop, Host, Secret, SshSettings

PASSWORD = "correct-horse-42"
PASSPHRASE = "battery-staple-43"
GENERAL = "general-passphrase-44"
VARIABLE = "value-of-a-variable-45"
AGENT = "/run/user/1000/agent"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("SSH_AUTH_SOCK", AGENT)
    monkeypatch.setenv("SOCKFLEET_PASSPHRASE", GENERAL)
    monkeypatch.delenv("SOCKFLEET_PASSWORD", raising=False)


@pytest.fixture
def host(tmp_path):
    """A host with all that could be told too much, and private keys that exist."""
    key = tmp_path / "home/.ssh/id"
    key.parent.mkdir(parents=True)
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nprivate-46\n")
    return Host(
        name="web1",
        address="192.0.2.1",
        groups=("web",),
        region="eu",
        variables={"note": VARIABLE},
        ssh=SshSettings(
            identity_files=(str(key),),
            certificate_files=(str(key) + "-cert.pub",),
            known_hosts_files=(str(tmp_path / "known_hosts"),),
            agent=AGENT,
            password=Secret(PASSWORD),
            jumps=(Hop(address="bastion", ssh=SshSettings(identity_files=(str(key),))),),
        ),
    )


def settings(**transport):
    return EngineSettings(
        deadline_s=9.0,
        transport_settings=TransportSettings(
            ask_passphrase=lambda _path: Secret(PASSPHRASE),
            ask_password=lambda _prompt: Secret(PASSWORD),
            **transport,
        ),
    )


def parcel(host, *, with_secrets, **transport):
    packing = PayloadBuilder(
        "scan1",
        settings(**transport),
        with_secrets=with_secrets,
        passphrases={host.ssh.identity_files[0]: Secret(PASSPHRASE)},
    )
    return packing.parcel({7: host}, spent_s=1.5)


def test_no_secret_is_in_what_is_sent(host):
    sent = pickle.dumps(parcel(host, with_secrets=False))
    for secret in (PASSWORD, PASSPHRASE, GENERAL, VARIABLE, "private-46"):
        assert secret.encode() not in sent
    # The test can see what is there: the same search finds what is to be sent.
    assert b"192.0.2.1" in sent


def test_secrets_are_sent_where_that_is_asked_for_but_private_keys_never(host):
    sent = pickle.dumps(parcel(host, with_secrets=True))
    for secret in (PASSWORD, PASSPHRASE, GENERAL):
        assert secret.encode() in sent
    assert b"private-46" not in sent
    assert VARIABLE.encode() not in sent


@pytest.mark.parametrize("with_secrets", [False, True])
def test_no_repr_shows_what_a_parcel_holds(host, with_secrets):
    packed = parcel(host, with_secrets=with_secrets)
    opened = packed.contents()
    for text in (repr(packed), str(packed), repr(opened)):
        for secret in (PASSWORD, PASSPHRASE, GENERAL):
            assert secret not in text
    assert "192.0.2.1" not in repr(packed)


def test_the_receiver_has_its_own_files_agent_and_secrets(host, monkeypatch, tmp_path):
    packed = parcel(host, with_secrets=False, known_hosts_files=("known_hosts",))
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/worker/agent")
    monkeypatch.setenv("SOCKFLEET_PASSWORD", "the-worker-s-own")
    got, hosts = packed.contents()
    ssh = hosts[7].ssh
    assert ssh.identity_files == ("~/.ssh/id",)
    assert ssh.certificate_files == ("~/.ssh/id-cert.pub",)
    assert ssh.known_hosts_files == (str(tmp_path / "known_hosts"),)  # not below the home here
    assert ssh.agent == "/run/worker/agent"
    assert ssh.user == getpass.getuser()
    assert ssh.password == Secret("the-worker-s-own")
    assert ssh.jumps[0].ssh.password is None  # as from here: never a bastion's
    assert ssh.jumps[0].ssh.identity_files == ("~/.ssh/id",)
    assert (got.deadline_s, got.deadline_spent_s) == (9.0, 1.5)
    assert got.transport_settings.ask_passphrase is None
    assert got.transport_settings.ask_password is None
    assert got.transport_settings.known_hosts_files[0].endswith("/known_hosts")


def test_a_worker_without_an_agent_says_so_at_the_login(host, monkeypatch):
    packed = parcel(host, with_secrets=False)
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert packed.contents()[1][7].ssh.agent == "SSH_AUTH_SOCK"


def test_an_agent_of_another_name_is_the_path_that_was_given(host):
    ssh = replace(host.ssh, agent="/other/agent")
    assert prepare_host(ssh, with_secrets=False).agent == "/other/agent"
    assert prepare_host(replace(ssh, agent=None), with_secrets=False).agent is None


def test_passphrases_answer_for_their_files_where_they_came_to(host):
    got, hosts = parcel(host, with_secrets=True).contents()
    ask = got.transport_settings.ask_passphrase
    assert ask is not None
    assert ask(hosts[7].ssh.identity_files[0]) == Secret(PASSPHRASE)
    assert ask("/another/key") == Secret(GENERAL)


def test_a_sent_password_wins_over_the_worker_s_own(host, monkeypatch):
    packed = parcel(host, with_secrets=True)
    monkeypatch.setenv("SOCKFLEET_PASSWORD", "the-worker-s-own")
    assert packed.contents()[1][7].ssh.password == Secret(PASSWORD)


def test_what_is_needed_to_ask_arrives(host):
    _, hosts = parcel(host, with_secrets=False).contents()
    sent = hosts[7]
    assert (sent.name, sent.address, sent.port, sent.caps) == ("web1", "192.0.2.1", 22, ())
    assert sent.variables == {}
    assert sent.groups == ()


def test_the_software_is_named_with_its_versions():
    text = str(installed_software())
    assert text.startswith("sockfleet ")
    assert " on Python 3." in text
    assert installed_software() == installed_software()

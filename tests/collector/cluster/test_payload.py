"""A payload for a Dask worker has what a scan needs, and nothing that must not be sent."""

from __future__ import annotations

import getpass
import pickle
from dataclasses import replace

import pytest

from sockfleet.collector.cluster.payload import PayloadBuilder, installed_software, prepare_login
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
    """A host with everything that must not be sent, and private keys that exist."""
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


def payload(host, *, with_secrets, **transport):
    builder = PayloadBuilder(
        "scan1",
        settings(**transport),
        with_secrets=with_secrets,
        passphrases={host.ssh.identity_files[0]: Secret(PASSPHRASE)},
    )
    return builder.build({7: host}, spent_s=1.5)


def test_no_secret_is_sent_by_default(host):
    sent = pickle.dumps(payload(host, with_secrets=False))
    for secret in (PASSWORD, PASSPHRASE, GENERAL, VARIABLE, "private-46"):
        assert secret.encode() not in sent
    # The search works: it finds what is sent.
    assert b"192.0.2.1" in sent


def test_secrets_are_sent_on_request_but_private_keys_never(host):
    sent = pickle.dumps(payload(host, with_secrets=True))
    for secret in (PASSWORD, PASSPHRASE, GENERAL):
        assert secret.encode() in sent
    assert b"private-46" not in sent
    assert VARIABLE.encode() not in sent


@pytest.mark.parametrize("with_secrets", [False, True])
def test_the_repr_of_a_payload_shows_no_content(host, with_secrets):
    sent_payload = payload(host, with_secrets=with_secrets)
    unpacked = sent_payload.unpack()
    for text in (repr(sent_payload), str(sent_payload), repr(unpacked)):
        for secret in (PASSWORD, PASSPHRASE, GENERAL):
            assert secret not in text
    assert "192.0.2.1" not in repr(sent_payload)


def test_a_worker_uses_its_own_files_agent_and_password(host, monkeypatch, tmp_path):
    sent_payload = payload(host, with_secrets=False, known_hosts_files=("known_hosts",))
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/worker/agent")
    monkeypatch.setenv("SOCKFLEET_PASSWORD", "the-worker-s-own")
    got, hosts = sent_payload.unpack()
    ssh = hosts[7].ssh
    assert ssh.identity_files == ("~/.ssh/id",)
    assert ssh.certificate_files == ("~/.ssh/id-cert.pub",)
    assert ssh.known_hosts_files == (
        str(tmp_path / "known_hosts"),
    )  # not below this home directory
    assert ssh.agent == "/run/worker/agent"
    assert ssh.user == getpass.getuser()
    assert ssh.password == Secret("the-worker-s-own")
    assert ssh.jumps[0].ssh.password is None  # as without a cluster: never for a bastion
    assert ssh.jumps[0].ssh.identity_files == ("~/.ssh/id",)
    assert (got.deadline_s, got.deadline_spent_s) == (9.0, 1.5)
    assert got.transport_settings.ask_passphrase is None
    assert got.transport_settings.ask_password is None
    assert got.transport_settings.known_hosts_files[0].endswith("/known_hosts")


def test_without_an_agent_the_worker_keeps_the_variable_s_name(host, monkeypatch):
    sent_payload = payload(host, with_secrets=False)
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert sent_payload.unpack()[1][7].ssh.agent == "SSH_AUTH_SOCK"


def test_an_agent_of_another_path_is_sent_as_it_is(host):
    ssh = replace(host.ssh, agent="/other/agent")
    assert prepare_login(ssh, with_secrets=False).agent == "/other/agent"
    assert prepare_login(replace(ssh, agent=None), with_secrets=False).agent is None


def test_sent_passphrases_answer_for_the_files_as_the_worker_names_them(host):
    got, hosts = payload(host, with_secrets=True).unpack()
    ask = got.transport_settings.ask_passphrase
    assert ask is not None
    assert ask(hosts[7].ssh.identity_files[0]) == Secret(PASSPHRASE)
    assert ask("/another/key") == Secret(GENERAL)


def test_a_sent_password_takes_precedence_over_the_worker_s_own(host, monkeypatch):
    sent_payload = payload(host, with_secrets=True)
    monkeypatch.setenv("SOCKFLEET_PASSWORD", "the-worker-s-own")
    assert sent_payload.unpack()[1][7].ssh.password == Secret(PASSWORD)


def test_a_worker_gets_what_it_needs_to_connect(host):
    _, hosts = payload(host, with_secrets=False).unpack()
    sent = hosts[7]
    assert (sent.name, sent.address, sent.port, sent.caps) == ("web1", "192.0.2.1", 22, ())
    assert sent.variables == {}
    assert sent.groups == ()


def test_software_is_shown_with_its_versions():
    text = str(installed_software())
    assert text.startswith("sockfleet ")
    assert " on Python 3." in text
    assert installed_software() == installed_software()

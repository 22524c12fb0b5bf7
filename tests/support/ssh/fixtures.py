"""Fixtures for tests over SSH: each transport in turn, a server and settings for it, keys."""

from pathlib import Path

import pytest

from sockfleet.collector.asyncssh import client_by_version
from sockfleet.collector.sampling import backoff
from sockfleet.collector.transport import TransportSettings
from tests.support.ssh.host_keys import Key, public
from tests.support.ssh.key_forms import write_every_form
from tests.support.ssh.over_ssh import known_hosts_of, settings_for
from tests.support.ssh.sshd import Sshd, ssh_keygen


@pytest.fixture(params=["asyncssh", "asyncssh-public", "paramiko"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of each SSH transport in turn; asyncssh by both of its paths."""
    name, _, path = request.param.partition("-")
    if path:
        take_public_path(monkeypatch)
    return name


@pytest.fixture(params=["fast", "public"])
def asyncssh_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each path of the asyncssh transport in turn."""
    if request.param == "public":
        take_public_path(monkeypatch)
    return request.param


def take_public_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the installed asyncssh was not tried with the fast path."""
    monkeypatch.setattr(client_by_version, "TRIED_VERSIONS", frozenset())


@pytest.fixture
def server(sshd: Sshd) -> Sshd:
    """The server that `known_hosts` knows: a plain one, where a module makes none of its own."""
    return sshd


@pytest.fixture
def known_hosts(server: Sshd, tmp_path: Path) -> Path:
    """A known_hosts file with the keys of `server`."""
    return known_hosts_of(server, tmp_path)


@pytest.fixture
def settings(known_hosts: Path) -> TransportSettings:
    """Of a scan that knows the keys of `server`."""
    return settings_for(known_hosts)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Key]:
    """Host keys that no server has: two of the same type, and two of other types."""
    folder = tmp_path_factory.mktemp("keys")
    made = {"one": "ed25519", "two": "ed25519", "rsa": "rsa", "ecdsa": "ecdsa"}
    return {name: public(ssh_keygen(folder / name, key_type=t)) for name, t in made.items()}


@pytest.fixture(scope="session")
def key_forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every form of private key, open and (NAME-locked) locked; only to be read."""
    folder = tmp_path_factory.mktemp("key_forms")
    write_every_form(folder)
    return folder


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler contacts failed hosts again almost at once."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)
    monkeypatch.setattr(backoff, "MOST_S", 0.2)

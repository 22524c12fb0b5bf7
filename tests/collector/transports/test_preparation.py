"""The first host is connected to while its login is prepared, unless that is going to fail."""

from __future__ import annotations

import importlib
import socket
import threading

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.inventory.models import Host, SshSettings
from tests.support.ssh.over_ssh import ask, ask_all, ssh_settings


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def connector(transport):
    return importlib.import_module(f"sockfleet.collector.{transport}.connector").Connector


def host_at(server: socket.socket, name: str = "web1", **ssh) -> Host:
    address, port = server.getsockname()
    return Host(name=name, address=address, port=port, ssh=SshSettings(user="probe", **ssh))


def is_contacted(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_a_server_may_begin_while_the_login_is_prepared(
    transport, connector, settings, listener, mocker, sshd
):
    accepted, received = threading.Event(), []

    def accept() -> None:
        peer, _ = listener.accept()
        accepted.set()
        with peer:
            received.append(peer.recv(1))

    def prepare(*_: object) -> None:
        assert accepted.wait(60)
        raise HostError(Category.CONFIG, Phase.CONFIG, "no")

    thread = threading.Thread(target=accept)
    thread.start()
    mocker.patch.object(connector, "_prepare", prepare)
    key = ssh_settings(sshd).identity_files
    outcome = ask(transport, settings, host_at(listener, identity_files=key), within_s=60)
    thread.join(60)
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert received == [b""], "the connection is closed without a word"


def test_the_other_hosts_wait_for_the_preparation(
    transport, connector, settings, listener, mocker, sshd
):
    def prepare(*_: object) -> None:
        listener.settimeout(60)
        listener.accept()[0].close()
        raise HostError(Category.CONFIG, Phase.CONFIG, "no")

    mocker.patch.object(connector, "_prepare", prepare)
    key = ssh_settings(sshd).identity_files
    hosts = [host_at(listener, f"web{number}", identity_files=key) for number in range(3)]
    outcomes = ask_all(transport, settings, hosts, within_s=60)
    assert [outcome.fault for outcome in outcomes] == [(Category.CONFIG, Phase.CONFIG)] * 3
    assert not is_contacted(listener)


@pytest.mark.parametrize("keys", [(), ("missing",)])
def test_no_host_is_contacted_without_a_usable_key(transport, settings, listener, keys):
    outcome = ask(transport, settings, host_at(listener, identity_files=keys))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert not is_contacted(listener)


def test_no_host_is_contacted_without_its_known_hosts(
    transport, settings, listener, sshd, tmp_path
):
    key = ssh_settings(sshd).identity_files
    host = host_at(listener, identity_files=key, known_hosts_files=(str(tmp_path),))
    outcome = ask(transport, settings, host)
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert not is_contacted(listener)


def test_a_refused_connection_stays_the_error(transport, settings, listener, sshd):
    host = host_at(listener, identity_files=ssh_settings(sshd).identity_files)
    listener.close()
    assert ask(transport, settings, host).fault == (Category.REFUSED, Phase.CONNECT)

"""A connection whose server has ended it, or claims what its message does not hold."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import paramiko
import pytest
from pytest_mock import MockerFixture

from sockfleet.collector.paramiko.connection import Connection
from sockfleet.collector.paramiko.session import SUPPORTED, Session
from sockfleet.collector.paramiko.stream import ByteStream
from sockfleet.collector.ssh.negotiation import choose_offer
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host, SshSettings


@pytest.fixture
def connection(mocker: MockerFixture) -> Iterator[Connection]:
    """A connection that paramiko calls active."""
    ours, theirs = socket.socketpair()
    with theirs:
        stream = ByteStream(ours)
        session = Session(stream, choose_offer(SshSettings(), SUPPORTED))
        mocker.patch.object(session, "is_active", return_value=True)
        one = Connection(Attempt(host=Host(name="web1", address="web1")), mocker.Mock())
        one.route = mocker.Mock(stream=stream)
        one.session = session
        assert one.up
        yield one
        stream.release()


def test_a_jump_host_that_said_goodbye_is_not_up_while_its_channels_close(connection):
    """Else a host behind it would be named as the one that failed, now and then."""
    message = paramiko.Message()
    message.add_int(11)
    message.add_string("bye")
    message.rewind()
    connection.session._parse_disconnect(message)
    assert not connection.up


def test_a_jump_host_whose_packets_are_wrong_is_not_up_while_its_channels_close(connection):
    connection.session.saved_exception = paramiko.SSHException("Mismatched MAC")
    assert not connection.up


def test_a_jump_host_that_sent_too_much_is_not_up_while_its_channels_close(connection):
    connection.stream.budget.spend(2**40)
    assert not connection.up


@pytest.mark.parametrize("which", ["host key", "signature"])
def test_a_host_key_and_its_signature_are_checked_before_paramiko_parses_them(
    connection, mocker: MockerFixture, which: str
):
    """It decodes a number that a field claims, of up to 1 MB, in half a minute."""
    parse = mocker.patch.object(paramiko.Transport, "_verify_key")
    key = paramiko.RSAKey.generate(2048)
    blob, signature = key.asbytes(), key.sign_ssh_data(b"data", "rsa-sha2-256").asbytes()
    connection.session._verify_key(blob, signature)
    assert parse.call_count == 1
    claimed = (2**20).to_bytes(4, "big")
    if which == "host key":
        blob = blob[:11] + claimed + b"\x01"
    else:
        signature = signature[:16] + claimed + b"\x01"
    with pytest.raises(paramiko.SSHException, match="malformed message"):
        connection.session._verify_key(blob, signature)
    assert parse.call_count == 1

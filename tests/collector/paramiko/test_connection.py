"""A connection whose server has ended it, before paramiko itself calls it inactive."""

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

"""The short way of a session's single packets, against asyncssh's own code with the same input.

Both handle the same packets in the same state; the data that arrives, the bytes that are sent and
the state afterwards must be equal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from asyncssh.encryption import GCMEncryption, get_encryption
from hypothesis import example, given
from hypothesis import strategies as st

from sockfleet.collector.asyncssh import session_packets
from sockfleet.collector.asyncssh.fast_channels import SILENT
from sockfleet.collector.asyncssh.fast_connection import FastConnection
from sockfleet.collector.asyncssh.session_packets import SessionChannel

KEY, IV = bytes(range(16)), bytes(range(12))
IGNORE, WINDOW_ADJUST, DATA, EXTENDED_DATA, EOF, CLOSE = 2, 93, 94, 95, 96, 97
CHANNEL, REMOTE = 3, 5
WINDOW = 4096


class Stream:
    """A stream that only notes what is written."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.write = self.write_alone = self.sent.append

    def abort(self) -> None:
        self.sent.append(b"aborted")


class Session:
    """A session that only notes what arrives, or fails."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.received: list[tuple[bytes, int | None]] = []
        self._problem = problem

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.received.append((data, datatype))
        if self._problem is not None:
            raise self._problem

    def eof_received(self) -> bool:
        return True

    def pause_writing(self) -> None:
        self.received.append((b"paused", None))


def put(instance: object, **values: object) -> None:
    """Set these attributes."""
    for name, value in values.items():
        setattr(instance, name, value)


class Client:
    """A connection with an open session, without a login; ``is_short`` is the short way."""

    def __init__(self, *, is_short: bool, problem: Exception | None = None, **state: Any) -> None:
        self.stream, self.session, self.loop = Stream(), Session(problem), mock.Mock()
        self.connection = object.__new__(FastConnection)
        self.channel = object.__new__(SessionChannel)
        cipher = b"aes128-gcm@openssh.com"
        put(
            self.connection,
            _auth=None,
            _auth_complete=True,
            _auth_final=True,
            _channels={CHANNEL: self.channel},
            _cipher_to_receive=None,
            _cipher_to_send=None,
            _compressor=None,
            _decompressor=None,
            _deferred_packets=[],
            _inpbuf=b"",
            _is_logged=not is_short,
            _keepalive_interval=0,
            _keepalive_timer=None,
            _kex=None,
            _kex_complete=True,
            _logger=SILENT,
            _loop=self.loop,
            _max_recv_pktlen=40000,
            _packet=b"",
            _pktlen=0,
            _recv_blocksize=16,
            _recv_encryption=get_encryption(cipher, KEY, IV),
            _recv_macsize=16,
            _recv_seq=0xFFFFFFFE,
            _rekey_bytes=10_000,
            _rekey_bytes_sent=0,
            _rekey_seconds=0,
            _send_blocksize=16,
            _send_enchdrlen=1,
            _send_encryption=get_encryption(cipher, KEY, IV),
            _send_seq=0xFFFFFFFE,
            _skipped=frozenset({IGNORE}),
            _stream=self.stream,
            _strict_kex=True,
            _transport=self.stream,
        )
        self.connection._recv_handler = self.connection._recv_pkthdr
        self.connection.expect_session_data()
        put(
            self.channel,
            **{
                "_conn": self.connection,
                "_encoding": None,
                "_init_recv_window": WINDOW,
                "_logger": SILENT,
                "_loop": self.loop,
                "_recv_buf": [],
                "_recv_chan": CHANNEL,
                "_recv_paused": False,
                "_recv_state": "open",
                "_recv_window": WINDOW,
                "_send_buf": [],
                "_send_buf_len": 0,
                "_send_chan": REMOTE,
                "_send_high_water": 65536,
                "_send_low_water": 16384,
                "_send_paused": False,
                "_send_pktsize": 1024,
                "_send_state": "open",
                "_send_window": WINDOW,
                "_session": self.session,
                **{f"_{name}": value for name, value in state.items()},
            },
        )

    def state(self) -> dict[str, object]:
        """Return all that a packet may change and that has an effect later."""
        connection, channel = self.connection, self.channel
        found: dict[str, object] = {"received": self.session.received, "sent": self.stream.sent}
        if connection._transport is None:  # lost: it neither sends nor receives any more
            return found
        kept = ("_inpbuf", "_packet", "_recv_seq", "_send_seq", "_rekey_bytes_sent")
        of_channel = ("_recv_window", "_recv_state", "_recv_buf", "_send_window", "_send_buf_len")
        return {
            **found,
            **{name: getattr(connection, name) for name in kept},
            **{name: getattr(channel, name) for name in (*of_channel, "_send_state", "_send_buf")},
            "iv": connection._recv_encryption._cipher._iv,
            "iv to send": connection._send_encryption._cipher._iv,
            "next": connection._recv_handler.__name__,
        }


def packet(kind: int, body: bytes, *, padding: int = 4) -> bytes:
    return bytes([padding, kind]) + body + bytes(padding)


def data(content: bytes, *, number: int = CHANNEL, off: int = 0, padding: int = 4) -> bytes:
    """A packet of data; ``off`` is added to its length."""
    length = max(len(content) + off, 0)
    body = number.to_bytes(4, "big") + length.to_bytes(4, "big") + content
    return packet(DATA, body, padding=padding)


def arrivals(packets: list[bytes], *, damaged: int | None = None) -> list[bytes]:
    """Encrypt the packets as the server does; damage one of them."""
    cipher, encrypted = get_encryption(b"aes128-gcm@openssh.com", KEY, IV), []
    for number, each in enumerate(packets):
        text, mac = cipher.encrypt_packet(number, len(each).to_bytes(4, "big"), each)
        encrypted.append(text + (bytes(16) if number == damaged else mac))
    return encrypted


def both(act: Callable[[Client], object], **state: Any) -> Client:
    """Do the same by the short way and by asyncssh's; return the former, once both are equal."""
    with mock.patch.object(os, "urandom", bytes):
        clients = [Client(is_short=is_short, **state) for is_short in (True, False)]
        outcomes = []
        for client in clients:
            try:
                outcomes.append(repr(act(client)))
            except Exception as error:
                outcomes.append(repr(error))
    assert outcomes[0] == outcomes[1]
    assert clients[0].state() == clients[1].state()
    return clients[0]


NUMBER = CHANNEL.to_bytes(4, "big")
PACKETS = st.one_of(
    st.builds(
        data,
        st.binary(max_size=WINDOW + 10),
        number=st.sampled_from([CHANNEL, CHANNEL, CHANNEL, 4]),
        off=st.sampled_from([0, 0, 0, 0, -1, 1, 5]),
        padding=st.sampled_from([4, 4, 4, 19, 255, 0, 3]),
    ),
    st.sampled_from(
        [
            packet(IGNORE, (0).to_bytes(4, "big")),
            packet(WINDOW_ADJUST, NUMBER + (100).to_bytes(4, "big")),
            packet(EXTENDED_DATA, NUMBER + (1).to_bytes(4, "big") + (2).to_bytes(4, "big") + b"no"),
            packet(EOF, NUMBER),
            packet(CLOSE, NUMBER),
            packet(DATA, NUMBER),
            packet(DATA, b""),
            packet(200, b""),
        ]
    ),
)


@given(
    packets=st.lists(PACKETS, max_size=4),
    damaged=st.none() | st.integers(0, 3),
    joined=st.booleans(),
    state=st.fixed_dictionaries(
        {},
        optional={
            "recv_paused": st.booleans(),
            "recv_state": st.sampled_from(["open", "eof"]),
            "send_state": st.sampled_from(["open", "eof", "close_pending", "closed"]),
            "recv_window": st.integers(0, WINDOW),
            "problem": st.just(ValueError("a session that fails")),
        },
    ),
)
@example(packets=[data(b"x")] * 2, damaged=None, joined=False, state={"problem": ValueError()})
@example(packets=[data(b"x" * WINDOW)], damaged=None, joined=False, state={})
@example(packets=[data(b"x")], damaged=None, joined=False, state={"recv_window": 2000})
@example(packets=[data(b"x", padding=3)], damaged=None, joined=False, state={})
@example(packets=[data(b"x", off=1)] * 2, damaged=None, joined=False, state={})
@example(packets=[data(b"x")] * 3, damaged=1, joined=False, state={})
@example(packets=[data(b"x")], damaged=None, joined=False, state={"recv_paused": True})
@example(packets=[data(b"x")], damaged=None, joined=False, state={"send_state": "closed"})
@example(packets=[data(b"x" * (WINDOW // 2))] * 2, damaged=None, joined=False, state={})
def test_packets_have_the_same_effect_as_by_asyncssh(packets, damaged, joined, state):
    encrypted = arrivals(packets, damaged=damaged)

    def receive(client: Client) -> None:
        for each in [b"".join(encrypted)] if joined else encrypted:
            client.connection.data_received(each)

    both(receive, **state)


@given(
    writes=st.lists(st.binary(max_size=1100), max_size=12),
    state=st.fixed_dictionaries(
        {},
        optional={
            "send_state": st.sampled_from(["open", "eof", "close_pending", "closed"]),
            "send_window": st.integers(0, WINDOW),
            "send_pktsize": st.integers(1, 2000),
        },
    ),
)
def test_the_bytes_sent_are_the_same_as_by_asyncssh(writes, state):
    both(lambda client: [client.channel.write(each) for each in writes], **state)


def test_the_usual_request_and_answer_go_the_short_way(mocker):
    of_asyncssh = [
        mocker.spy(FastConnection, name) for name in ("_recv_packet", "send_packet", "_send")
    ]
    client = Client(is_short=True)
    client.channel.write(b"own\n")
    (answer,) = arrivals([data(b"an answer")])
    client.connection.data_received(answer)
    assert client.session.received == [(b"an answer", None)]
    assert len(client.stream.sent) == 1
    assert [each.call_count for each in of_asyncssh] == [0, 0, 0]


@pytest.mark.parametrize(
    "state",
    [{"_kex_complete": False}, {"_rekey_bytes_sent": 10_000}, {"_transport": None}],
    ids=["a key exchange", "one that is due", "a lost connection"],
)
def test_a_connection_in_another_state_sends_as_asyncssh_does(state):
    def write(client: Client) -> list[object]:
        vars(client.connection).update(state)
        with mock.patch.object(FastConnection, "_send_kexinit") as rekey:
            client.channel.write(b"own\n")
        return [rekey.call_count, client.connection._deferred_packets]

    both(write)


def test_an_answer_in_parts_is_put_together_by_asyncssh():
    (answer,) = arrivals([data(b"an answer")])

    def receive(client: Client) -> None:
        for at in range(0, len(answer), 5):
            client.connection.data_received(answer[at : at + 5])

    assert both(receive).session.received == [(b"an answer", None)]


def test_the_cipher_of_the_short_way_is_the_one_that_is_used():
    assert type(get_encryption(b"aes256-gcm@openssh.com", bytes(32), IV)) is GCMEncryption


def test_a_cipher_is_made_once_until_the_keys_change(mocker):
    made = mocker.spy(session_packets, "AESGCM")
    client = Client(is_short=True)
    for answer in arrivals([data(b"one"), data(b"two")]):
        client.channel.write(b"own\n")
        client.connection.data_received(answer)
    assert [call.args for call in made.call_args_list] == [(KEY,), (KEY,)]  # to send, to receive

    new = KEY[::-1]
    cipher = get_encryption(b"aes128-gcm@openssh.com", new, IV)
    client.connection._recv_encryption = get_encryption(b"aes128-gcm@openssh.com", new, IV)
    answer = data(b"three")
    text, mac = cipher.encrypt_packet(0, len(answer).to_bytes(4, "big"), answer)
    client.connection.data_received(text + mac)
    assert [content for content, _ in client.session.received] == [b"one", b"two", b"three"]
    assert made.call_args.args == (new,)


def test_before_the_first_session_each_packet_is_decrypted_once(mocker):
    made = mocker.spy(session_packets, "AESGCM")
    client = Client(is_short=True)
    client.connection._cipher_to_send = client.connection._cipher_to_receive = None
    client.channel.write(b"own\n")
    (answer,) = arrivals([data(b"an answer")])
    client.connection.data_received(answer)
    assert client.session.received == [(b"an answer", None)]
    assert made.call_count == 0

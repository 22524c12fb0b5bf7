"""A client that violates the protocol is disconnected by a lean host, without other effects."""

from __future__ import annotations

import pytest
from asyncssh.packet import Byte, String, UInt32
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.simulator.fleet.plain_packets import encode_packet
from sockfleet.simulator.lean.packets import Seal
from tests.support.fleet.lean_client import (
    BLOB,
    HOST,
    NEWKEYS,
    OPEN,
    READER,
    SERVICE,
    LeanClient,
    connect,
    connect_and_log_in,
    is_disconnected,
)


def test_a_correct_client_logs_in_and_reads():
    client = connect_and_log_in()
    (confirmed,) = client.send(OPEN)
    assert confirmed[:5] == b"\x5b" + UInt32(7)
    command = b"\x62" + UInt32(0) + String("exec") + b"\1" + String("cat /proc/net/sockstat")
    answers = client.send(command)
    assert [answer[0] for answer in answers] == [99, 94, 98, 96, 97]
    assert answers[1][9:] == HOST.files["/proc/net/sockstat"]
    assert client.send(b"\x61" + UInt32(0)) == []
    assert (client.counts.logins, client.counts.auth_failures) == (1, 0)


def test_a_command_on_standard_input_is_run_when_its_line_is_complete():
    client = connect_and_log_in()
    client.send(OPEN)
    assert client.send(READER) == []
    first, second = (b"\x5e" + UInt32(0) + String(part) for part in ("echo a b", " c\n"))
    assert client.send(first) == []
    answers = client.send(second)
    assert [answer[0] for answer in answers] == [94, 98, 96, 97]
    assert answers[0][9:] == b"a b c\n"
    assert client.send(b"\x60" + UInt32(0)) == []


def test_a_command_on_standard_input_that_ends_early_fails():
    client = connect_and_log_in()
    client.send(OPEN)
    client.send(READER, b"\x5e" + UInt32(0) + String("echo a b"))
    (status, *ends) = client.send(b"\x60" + UInt32(0))
    assert status.endswith(UInt32(1))
    assert [answer[0] for answer in ends] == [96, 97]


def test_a_request_without_signature_gets_pk_ok():
    client = connect()
    client.send(SERVICE)
    request = client.request() + b"\0" + String("ssh-ed25519") + String(BLOB)
    assert client.send(request) == [b"\x3c" + String("ssh-ed25519") + String(BLOB)]
    assert client.counts.logins == 0


def test_none_is_refused_and_not_counted():
    client = connect()
    client.send(SERVICE)
    none = b"\x32" + String("probe") + String("ssh-connection") + String("none")
    assert client.send(none) == [b"\x33" + String("publickey") + b"\0"]
    assert client.counts.auth_failures == 0


@pytest.mark.parametrize("verify", [True, False])
def test_only_verify_refuses_a_signature_of_another_key(verify):
    client = connect(verify=verify)
    client.send(SERVICE)
    (answer,) = client.send(client.sign_request(key=Ed25519PrivateKey.generate()))
    assert answer[0] == (0x33 if verify else 0x34)
    assert client.counts.auth_failures == verify


def test_another_user_is_disconnected_after_six_failures():
    client = connect()
    client.send(SERVICE)
    for _ in range(6):
        assert client.send(client.sign_request(user="root"))[0][0] == 0x33
    assert is_disconnected(client, client.send(client.sign_request(user="root")), "Too many auth")
    assert client.counts.auth_failures == 7


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (SERVICE, "before the keys"),
        (OPEN, "before the keys"),
        (b"\x32" + String("probe"), "before the keys"),
        (NEWKEYS, "not agreed on"),
        (b"\x1e" + String(bytes(32)), "without an offer"),
        (b"\x14" + bytes(10), "ends"),
    ],
)
def test_messages_out_of_order_disconnect(message, text):
    client = LeanClient()
    client.greet()
    assert is_disconnected(client, client.send(message), text)
    assert client.counts.protocol_errors == 1


def test_a_second_offer_or_key_in_the_exchange_disconnects():
    for again in ("offer", "half"):
        client = LeanClient()
        client.greet()
        client.private = X25519PrivateKey.generate()
        client.half = client.private.public_key().public_bytes_raw()
        half = b"\x1e" + String(client.half)
        if again == "offer":
            answers = client.send(client.offer, client.offer)
            assert is_disconnected(client, answers, "in the middle")
        else:
            assert is_disconnected(
                client, client.send(client.offer, half, half), "half a key exchange"
            )


@pytest.mark.parametrize("number", [2, 4, 7])
def test_a_strict_key_exchange_refuses_optional_messages(number):
    """Strict key exchange prevents the Terrapin attack (CVE-2023-48795)."""
    for strict in (True, False):
        client = LeanClient(strict=strict)
        client.greet()
        answers = client.send(client.offer, bytes([number]) + bytes(8))
        assert client.dialogue.over is strict
        assert not strict or is_disconnected(client, answers, "strict")
        client = LeanClient(strict=strict)
        client.greet()
        answers = client.send(bytes([number]) + bytes(8), client.offer)
        assert client.dialogue.over is strict


@pytest.mark.parametrize("strict", [True, False])
def test_a_strict_key_exchange_resets_the_sequence_number(strict):
    client = connect(strict=strict)
    (answer,) = client.send(b"\xc0")
    assert answer == b"\x03" + UInt32(0 if strict else 3)
    (answer,) = client.send(b"\xc0")
    assert answer == b"\x03" + UInt32(1 if strict else 4)


def test_a_rekey_keeps_the_session_id():
    client = connect_and_log_in()
    first = client.session_id
    half = X25519PrivateKey.generate().public_key().public_bytes_raw()
    offer, reply, new = client.send(client.offer, b"\x1e" + String(half))
    assert offer == client.server.key_exchange.offer
    assert (reply[0], new) == (31, NEWKEYS)
    assert client.session_id == first


@pytest.mark.parametrize(
    "version", [b"SSH-1.5-x\r\n", b"GET / HTTP/1.1\r\n", b"x" * 300, b"\n", b"\xff\xfe\n"]
)
def test_another_version_line_disconnects(version):
    client = LeanClient()
    client.dialogue.greeting()
    assert is_disconnected(
        client, client.open_packets(client.dialogue.take(version)), "no version line"
    )


@pytest.mark.parametrize("length", [0, 4, 256 * 1024 + 1, 2**32 - 1])
def test_an_invalid_packet_length_disconnects(length):
    client = connect()
    assert is_disconnected(
        client, client.open_packets(client.dialogue.take(UInt32(length))), f"of {length} bytes"
    )


def test_a_packet_of_another_key_disconnects():
    client = connect()
    client.sealing = Seal(bytes(16), bytes(12))
    assert is_disconnected(client, client.send(SERVICE), "tag is wrong")


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([b"\x5e" + UInt32(3) + String("x")], "not open"),
        ([OPEN, b"\x5e" + UInt32(0) + b"\0\0\xff\xff"], "ends within a string"),
        ([OPEN, b"\x62" + UInt32(0) + String("exec")], "ends before a boolean"),
        ([OPEN, *[b"\x62" + UInt32(0) + String("exec") + b"\0" + String("true")] * 2], "second"),
        ([OPEN, READER, READER], "second"),
        ([OPEN, READER, b"\x5e" + UInt32(0) + String("x" * 70_000)], "without end"),
        ([b"\x5a"], "ends"),
    ],
)
def test_invalid_channel_messages_disconnect(messages, text):
    client = connect_and_log_in()
    answers: list[bytes] = []
    for message in messages:
        answers = client.send(message)
    assert is_disconnected(client, answers, text)


def test_other_channels_requests_and_messages_are_refused_without_disconnect():
    client = connect_and_log_in()
    forward = b"\x5a" + String("direct-tcpip") + UInt32(1) + UInt32(2**21) + UInt32(2**15)
    (answer,) = client.send(forward + String("127.0.0.1"))
    assert answer[:9] == b"\x5c" + UInt32(1) + UInt32(3)
    assert client.send(b"\x50" + String("keepalive@openssh.com") + b"\1") == [b"\x52"]
    assert client.send(b"\x50" + String("no-more-sessions@openssh.com") + b"\0") == []
    client.send(OPEN)
    for kind in ("shell", "x11-req"):
        request = b"\x62" + UInt32(0) + String(kind)
        assert client.send(request + b"\1") == [b"\x64" + UInt32(7)]
        assert client.send(request + b"\0") == []
    request = b"\x62" + UInt32(0) + String("subsystem") + b"\1" + String("netconf")
    assert client.send(request) == [b"\x64" + UInt32(7)]
    assert client.send(b"\x62" + UInt32(0) + String("env") + b"\0" + String("A") * 2) == []
    assert client.send(b"\xc0")[0][0] == 3
    assert client.send(client.sign_request()) == []
    assert client.send(b"\x60" + UInt32(0)) == []
    assert client.send(b"\x61" + UInt32(0)) == [b"\x61" + UInt32(7)]
    assert not client.dialogue.over
    client.send(b"\x01" + UInt32(11) + String("") + String(""))
    assert client.dialogue.over
    assert client.counts.protocol_errors == 0


def test_output_respects_the_clients_window_and_packet_size():
    client = connect_and_log_in()
    text = HOST.files["/proc/net/snmp"]
    client.send(b"\x5a" + String("session") + UInt32(7) + UInt32(10) + UInt32(4))
    request = b"\x62" + UInt32(0) + String("exec") + b"\0" + String("cat /proc/net/snmp /none")
    answers = client.send(request)
    output = b"".join(answer[9:] for answer in answers)
    assert output == text[:10]
    assert [len(answer[9:]) for answer in answers] == [4, 4, 2]
    answers = client.send(b"\x5d" + UInt32(0) + UInt32(10_000))
    assert b"".join(a[9:] for a in answers if a[0] == 94) == text[10:]
    assert b"No such file" in b"".join(a[13:] for a in answers if a[0] == 95)
    assert [answer[0] for answer in answers[-3:]] == [98, 96, 97]


def test_the_window_is_adjusted_and_enforced():
    client = connect_and_log_in()
    client.send(OPEN)
    client.send(b"\x62" + UInt32(0) + String("subsystem") + b"\0" + String("sftp"))
    request = Byte(17) + UInt32(1) + String("/proc/net/sockstat")
    large = String(request) * 1000
    taken = granted = 0
    for _ in range(100):
        for answer in client.send(b"\x5e" + UInt32(0) + String(large)):
            if answer[0] == 93:
                granted += int.from_bytes(answer[5:9], "big")
        taken += len(large)
        client.send(b"\x5d" + UInt32(0) + UInt32(100_000))
    assert 0 <= taken - granted <= 2**20
    assert not client.dialogue.over


def assert_ends_once_if_at_all(client):
    """A rule that the client broke ends the connection, and nothing after it is read."""
    assert client.counts.protocol_errors <= 1
    assert client.dialogue.over or not client.counts.protocol_errors
    if client.dialogue.over:
        assert client.dialogue.take(encode_packet(b"\x02" + String(""))) == b""


@given(st.binary(min_size=1, max_size=200), st.booleans())
def test_garbage_before_the_key_exchange_is_answered_or_disconnects(data, as_packet):
    client = LeanClient()
    client.greet()
    client.dialogue.take(encode_packet(data) if as_packet else data)
    assert_ends_once_if_at_all(client)


LOGGED_IN = st.sampled_from([1, 2, 3, 5, 7, 20, 21, 30, 50, 80, 90, 93, 94, 95, 96, 97, 98, 99])


@given(st.lists(st.tuples(LOGGED_IN, st.binary(max_size=60)), min_size=1, max_size=4))
def test_garbage_after_the_login_is_answered_or_disconnects(messages):
    client = connect_and_log_in()
    client.send(OPEN)
    for number, rest in messages:
        client.dialogue.take(client.sealing.seal(bytes([number]) + rest))
    assert_ends_once_if_at_all(client)


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=5), st.booleans())
def test_garbage_to_sftp_and_the_shell_is_answered_or_disconnects(pieces, to_sftp):
    client = connect_and_log_in()
    client.send(OPEN)
    kind, what = ("subsystem", "sftp") if to_sftp else ("exec", SHELL)
    client.send(b"\x62" + UInt32(0) + String(kind) + b"\0" + String(what))
    for piece in pieces:
        framed = String(piece) if to_sftp else piece + b"\n"
        client.dialogue.take(client.sealing.seal(b"\x5e" + UInt32(0) + String(framed)))
    assert_ends_once_if_at_all(client)


SHELL = "m=sockfleet-0123456789abcdef; while read -r w a; do :; done"

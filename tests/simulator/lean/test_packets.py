"""The lean fleet's packets and data types, compared with cryptography and asyncssh."""

from __future__ import annotations

import pytest
from asyncssh.packet import MPInt, SSHPacket, String, UInt32, UInt64
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.simulator.lean.packets import TAG, Seal, remove_padding
from sockfleet.simulator.lean.wire import Fields, MalformedError, encode_mpint

keys = st.sampled_from([16, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
ivs = st.binary(min_size=12, max_size=12)
messages = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4)


@given(keys, ivs, messages)
def test_sealed_packets_follow_rfc_5647(key, iv, texts):
    seal, count = Seal(key, iv), int.from_bytes(iv[4:], "big")
    for text in texts:
        whole = seal.seal(text)
        length, sealed = whole[:4], whole[4:]
        nonce = iv[:4] + (count % 2**64).to_bytes(8, "big")
        inside = AESGCM(key).decrypt(nonce, sealed, length)
        assert int.from_bytes(length, "big") == len(inside) == len(sealed) - TAG
        assert len(inside) % 16 == 0
        assert inside[0] >= 4
        assert inside[1 : len(inside) - inside[0]] == text
        count += 1


@given(keys, ivs, messages)
def test_packets_are_opened_by_the_other_side(key, iv, texts):
    ours, theirs = Seal(key, iv), Seal(key, iv)
    for text in texts:
        whole = ours.seal(text)
        assert theirs.open(whole[:4], whole[4:]) == text


@given(keys, ivs, st.binary(min_size=1, max_size=100), st.data())
def test_a_changed_bit_is_detected(key, iv, text, data):
    whole = bytearray(Seal(key, iv).seal(text))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MalformedError, match="tag is wrong"):
        Seal(key, iv).open(bytes(whole[:4]), bytes(whole[4:]))


def test_the_packet_counter_wraps_at_eight_bytes():
    iv = b"\1\2\3\4" + b"\xff" * 8
    ours, theirs = Seal(bytes(16), iv), Seal(bytes(16), iv)
    for _ in range(2):
        whole = ours.seal(b"x")
        assert theirs.open(whole[:4], whole[4:]) == b"x"
    last = Seal(bytes(16), b"\1\2\3\4" + bytes(8))
    assert last.seal(b"x") == whole


@pytest.mark.parametrize(
    "inside", [b"", b"\0", b"\4abcd", b"\3a\0\0\0", b"\xffa\0\0\0\0", b"\5a\0\0\0\0"]
)
def test_invalid_padding_is_refused(inside):
    with pytest.raises(MalformedError):
        remove_padding(inside)


@given(st.binary(max_size=40))
def test_mpints_equal_those_of_asyncssh(value):
    assert encode_mpint(value) == MPInt(int.from_bytes(value, "big"))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=50), st.booleans())
def test_fields_equal_those_of_asyncssh(small, large, text, truth):
    message = b"\x62" + UInt32(small) + UInt64(large) + String(text) + bytes([7 * truth])
    fields, theirs = Fields(message), SSHPacket(message)
    theirs.get_byte()
    assert fields.uint32() == theirs.get_uint32() == small
    assert fields.uint64() == theirs.get_uint64() == large
    assert fields.string() == theirs.get_string() == text
    assert fields.boolean() is theirs.get_boolean() is truth
    assert fields.at == len(message)


@given(st.binary(max_size=12), st.sampled_from(["boolean", "uint32", "uint64", "string"]))
def test_fields_beyond_the_end_are_refused(data, kind):
    fields = Fields(data, 0)
    try:
        while fields.at < len(data):
            getattr(fields, kind)()
        with pytest.raises(MalformedError, match="ends"):
            getattr(fields, kind)()
    except MalformedError as error:
        assert "ends" in str(error)
    assert fields.at <= len(data)

"""The server's offer as it comes over the wire, and the kind of algorithm that is not shared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.ssh.messages import nothing_in_common
from sockfleet.collector.ssh.negotiation import (
    Offer,
    ServerOffer,
    SupportedAlgorithms,
    find_mismatch,
    read_server_offer,
)

SUPPORTED = SupportedAlgorithms(
    library="asyncssh",
    kex={"curve", "group14"},
    ciphers={"aes-gcm@openssh.com", "aes-ctr", "aes-cbc"},
    macs={"sha2", "sha1"},
    signatures={"ed25519"},
    host_keys={"ed25519", "ssh-rsa"},
)
OURS = Offer(
    kex=("curve",),
    ciphers=("aes-gcm@openssh.com", "aes-ctr"),
    macs=("sha2",),
    host_keys=("ed25519",),
    signatures=("ed25519",),
    supported=SUPPORTED,
)
BOTH = (("aes-ctr",), ("aes-ctr",))
THEIRS = ServerOffer(
    kex=("curve",), host_keys=("ed25519",), ciphers=BOTH, macs=(("sha2",), ("sha2",))
)


def packet(payload: bytes, padding: int = 4) -> bytes:
    body = bytes([padding]) + payload + bytes(padding)
    return len(body).to_bytes(4, "big") + body


def kexinit(offer: ServerOffer) -> bytes:
    lists = (offer.kex, offer.host_keys, *offer.ciphers, *offer.macs, ("none",), ("none",), (), ())
    texts = [",".join(names).encode() for names in lists]
    named = b"".join(len(text).to_bytes(4, "big") + text for text in texts)
    return packet(bytes([20]) + bytes(16) + named + bytes(5))


@pytest.mark.parametrize(
    "before",
    [
        b"SSH-2.0-x\r\n",
        b"Authorized use only\nSSH-1.99-x\n",
        b"SSH-2.0-x\r\n" + packet(b"\x02ignored") + packet(b"\x04debug", padding=9),
    ],
)
def test_an_offer_is_read_as_it_was_sent(before):
    offer = replace(THEIRS, kex=("curve", "other"), macs=((), ("umac",)))
    assert read_server_offer(before + kexinit(offer)) == offer


def test_the_markers_among_the_key_exchanges_are_no_algorithms():
    marked = replace(THEIRS, kex=("ext-info-s", "curve", "kex-strict-s-v00@openssh.com"))
    assert read_server_offer(b"SSH-2.0-x\r\n" + kexinit(marked)) == THEIRS


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_of_a_server_break_the_reader(junk, cut):
    whole = b"SSH-2.0-x\r\n" + kexinit(THEIRS)
    for opening in (junk, b"SSH-2.0-x\r\n" + junk, b"SSH-2.0-x\r\n" + packet(b"\x14" + junk)):
        read_server_offer(opening)
    assert read_server_offer(whole[:cut]) == (THEIRS if cut >= len(whole) else None)


@pytest.mark.parametrize(
    ("changed", "kind", "option", "addable"),
    [
        ({"kex": ("sntrup", "group14")}, "key exchange", "KexAlgorithms", "group14"),
        ({"host_keys": ("ssh-rsa",)}, "host key algorithm", "HostKeyAlgorithms", "ssh-rsa"),
        ({"ciphers": (("aes-ctr",), ("3des", "aes-cbc"))}, "cipher", "Ciphers", "aes-cbc"),
        ({"macs": (("sha2",), ("umac",))}, "MAC", "MACs", None),
        ({"macs": ((), ())}, "MAC", "MACs", None),
    ],
)
def test_the_first_kind_that_is_not_shared_is_found(changed, kind, option, addable):
    found = find_mismatch(OURS, OURS.host_keys, replace(THEIRS, **changed))
    assert found is not None
    assert (found.kind, found.option, found.addable) == (kind, option, addable)


def test_two_sides_that_share_all_kinds_agree():
    assert find_mismatch(OURS, OURS.host_keys, THEIRS) is None


def test_a_cipher_with_its_own_mac_needs_none_unless_the_library_looks_for_one():
    names = ("aes-gcm@openssh.com",)
    theirs = replace(THEIRS, ciphers=(names, names), macs=(("umac",), ("umac",)))
    assert find_mismatch(OURS, OURS.host_keys, theirs) is None
    strict = replace(OURS, supported=replace(SUPPORTED, needs_macs=True))
    found = find_mismatch(strict, OURS.host_keys, theirs)
    assert found is not None
    assert found.kind == "MAC"


def test_a_hostile_offer_makes_one_short_line_and_no_remedy():
    names = ("none", "a\x1b[31m\nb", "*", "x" * 5000, *(f"odd{n}" for n in range(3000)))
    found = find_mismatch(OURS, OURS.host_keys, replace(THEIRS, kex=names))
    assert found is not None
    message = nothing_in_common("192.0.2.1:22", found).message
    assert message.isprintable()
    assert len(message) < 400
    assert "asyncssh has none of them" in message

"""The negotiation of a client's offer, and invalid client keys."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sockfleet.simulator.fleet.plain_packets import encode_string
from sockfleet.simulator.lean.key_exchange import HostKey, KeyExchange, extract_offer, negotiate
from sockfleet.simulator.lean.wire import MalformedError

USUAL = (
    b"sntrup761x25519-sha512,curve25519-sha256",
    b"rsa-sha2-512,ssh-ed25519",
    b"chacha20-poly1305@openssh.com,aes128-gcm@openssh.com",
    b"aes256-gcm@openssh.com,aes128-gcm@openssh.com",
    b"hmac-sha2-256",
    b"hmac-sha2-256",
    b"none,zlib",
    b"none",
    b"",
    b"",
)


def offer(*, guesses: bool = False, **lists: bytes) -> bytes:
    kinds = list(USUAL)
    for place, names in lists.items():
        kinds[int(place[1:])] = names
    return b"".join(map(encode_string, kinds)) + bytes([guesses]) + bytes(4)


def test_the_clients_first_supported_algorithm_is_chosen():
    one = negotiate(offer())
    assert (one.key_bytes_in, one.key_bytes_out) == (16, 32)
    assert (one.strict, one.ext_info, one.wrong_guess) == (False, False, False)


def test_extensions_of_the_client_are_recognized():
    names = b"curve25519-sha256@libssh.org,ext-info-c,kex-strict-c-v00@openssh.com"
    one = negotiate(offer(_0=names))
    assert (one.strict, one.ext_info) == (True, True)


@pytest.mark.parametrize(
    ("exchange", "key", "wrong"),
    [
        (b"curve25519-sha256", b"ssh-ed25519", False),
        (b"ecdh-sha2-nistp256,curve25519-sha256", b"ssh-ed25519", True),
        (b"curve25519-sha256", b"ssh-rsa,ssh-ed25519", True),
    ],
)
def test_a_guess_is_compared_with_our_preference(exchange, key, wrong):
    assert negotiate(offer(guesses=True, _0=exchange, _1=key)).wrong_guess is wrong
    assert not negotiate(offer(guesses=False, _0=exchange, _1=key)).wrong_guess


@pytest.mark.parametrize("place", range(8))
def test_no_common_algorithm_quotes_the_offer(place):
    with pytest.raises(MalformedError, match="no algorithm in common, of 3des-cbc,x"):
        negotiate(offer(**{f"_{place}": b"3des-cbc,x"}))


@pytest.mark.parametrize("cut", [0, 3, 50, len(offer()) - 5])
def test_a_truncated_offer_is_refused(cut):
    with pytest.raises(MalformedError):
        negotiate(offer()[:cut])


@pytest.mark.parametrize(
    ("public", "message"),
    [(b"", "of 0 bytes"), (bytes(31), "31"), (bytes(33), "33"), (bytes(32), "no secret")],
)
def test_invalid_client_keys_are_refused(public, message):
    exchange = KeyExchange()
    key = HostKey(Ed25519PrivateKey.generate())
    with pytest.raises(MalformedError, match=message):
        exchange.answer(key, public, b"SSH-2.0-x", exchange.offer)


def test_our_own_offer_can_be_negotiated():
    assert negotiate(extract_offer(KeyExchange().offer)).key_bytes_in == 16

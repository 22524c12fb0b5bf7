"""What a client's offer and the lean fleet's come to, and halves of keys that cannot be."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sockfleet.simulator.fleet.plain_packets import text
from sockfleet.simulator.lean.key_exchange import HostKey, KeyExchange, negotiate, offer_of
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
    return b"".join(map(text, kinds)) + bytes([guesses]) + bytes(4)


def test_the_clients_first_that_is_known_is_taken_each_way():
    one = negotiate(offer())
    assert (one.key_bytes_in, one.key_bytes_out) == (16, 32)
    assert (one.strict, one.ext_info, one.wrong_guess) == (False, False, False)


def test_what_a_client_can_do_besides_is_seen():
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
def test_a_guess_is_held_against_our_own_first(exchange, key, wrong):
    assert negotiate(offer(guesses=True, _0=exchange, _1=key)).wrong_guess is wrong
    assert not negotiate(offer(guesses=False, _0=exchange, _1=key)).wrong_guess


@pytest.mark.parametrize("place", range(8))
def test_nothing_in_common_says_what_was_seen(place):
    with pytest.raises(MalformedError, match="no algorithm in common, of 3des-cbc,x"):
        negotiate(offer(**{f"_{place}": b"3des-cbc,x"}))


@pytest.mark.parametrize("cut", [0, 3, 50, len(offer()) - 5])
def test_an_offer_that_ends_early_is_refused(cut):
    with pytest.raises(MalformedError):
        negotiate(offer()[:cut])


@pytest.mark.parametrize(
    ("public", "said"),
    [(b"", "of 0 bytes"), (bytes(31), "31"), (bytes(33), "33"), (bytes(32), "no secret")],
)
def test_half_a_key_that_gives_no_secret_is_refused(public, said):
    exchange = KeyExchange()
    key = HostKey(Ed25519PrivateKey.generate())
    with pytest.raises(MalformedError, match=said):
        exchange.answer(key, public, b"SSH-2.0-x", exchange.offer)


def test_our_own_offer_fits_itself():
    assert negotiate(offer_of(KeyExchange().offer)).key_bytes_in == 16

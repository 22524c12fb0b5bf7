"""Key exchange in a group that the server chooses: its size decides how long the arithmetic takes.

The primes are those of RFC 3526 with a generator that makes them groups that no library knows.
"""

from __future__ import annotations

from pathlib import Path

import asyncssh
import paramiko
import pytest
from asyncssh.crypto import dh as asyncssh_dh
from asyncssh.kex_dh import _dh_gex_groups
from pytest_mock import MockerFixture

from sockfleet.collector.asyncssh.group_exchange import _choose_exchange, bound_group_exchange
from sockfleet.collector.paramiko.session import _BoundedGroupExchange
from sockfleet.collector.ssh.group_exchange import draw_exponent
from sockfleet.inventory.models import Host
from tests.support.ssh.over_ssh import ask, known_hosts_of, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd

NAME = "diffie-hellman-group-exchange-sha256"
PRIMES = {bits: prime for bits, _, prime in _dh_gex_groups}
GENERATOR = 5


@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")  # a group it knows
@pytest.mark.parametrize("bits", [2048, 3072, 8192])
def test_a_server_s_own_group_takes_no_test_of_its_prime_and_no_long_exponent(
    transport, tmp_path: Path, mocker: MockerFixture, bits: int
):
    """sshd itself takes a group of 4096 bits that is known where its file has none as small."""
    moduli = tmp_path / "moduli"
    moduli.write_text(f"20260101000000 2 6 100 {bits - 1} {GENERATOR} {PRIMES[bits]:X}\n")
    if bits <= 4096:
        mocker.patch.object(asyncssh_dh, "dh", None)  # of cryptography, which tests the prime
    config = [f"KexAlgorithms {NAME}", f"ModuliFile {moduli}"]
    with Sshd(tmp_path / "sshd", config=config) as server:
        ssh = ssh_settings(server, kex_algorithms=(f"+{NAME}",))
        one = Host(name="old", address="127.0.0.1", port=server.port, ssh=ssh)
        outcome = ask(transport, settings_for(known_hosts_of(server, tmp_path)), one)
    assert outcome.stdout == b"out\n"


@pytest.mark.parametrize(
    ("generator", "prime"),
    [
        (GENERATOR, PRIMES[8192]),
        (GENERATOR, PRIMES[1024]),
        (GENERATOR, PRIMES[2048] + 1),
        (1, PRIMES[2048]),
        (0, PRIMES[2048]),
        (PRIMES[2048] - 1, PRIMES[2048]),
    ],
)
def test_a_group_that_a_hostile_server_claims_is_refused(
    mocker: MockerFixture, generator: int, prime: int
):
    assert bound_group_exchange()
    with pytest.raises(asyncssh.ProtocolError, match="its group for the key exchange"):
        _choose_exchange(generator, prime)
    exchange = _BoundedGroupExchange(mocker.Mock())
    exchange.p, exchange.g = prime, generator
    with pytest.raises(paramiko.SSHException, match="its group for the key exchange"):
        exchange._generate_x()


@pytest.mark.parametrize("number", [-1, 0, 1, PRIMES[2048] - 1, PRIMES[2048]])
def test_a_number_that_gives_the_secret_away_is_refused(number: int):
    assert bound_group_exchange()
    with pytest.raises(asyncssh.ProtocolError, match="out of range"):
        _choose_exchange(GENERATOR, PRIMES[2048]).get_shared(number)


def test_exponents_are_random_and_short():
    drawn = {draw_exponent() for _ in range(100)}
    assert len(drawn) == 100
    assert {each.bit_length() for each in drawn} == {512}


def test_an_asyncssh_that_cannot_be_bounded_offers_no_such_exchange(monkeypatch):
    from sockfleet.collector.asyncssh import public_api_connection

    assert NAME in public_api_connection.supported_algorithms().kex
    monkeypatch.delattr(asyncssh.kex_dh, "_dh_gex_groups")
    assert not bound_group_exchange()
    assert NAME not in public_api_connection.supported_algorithms().kex
    assert "curve25519-sha256" in public_api_connection.supported_algorithms().kex

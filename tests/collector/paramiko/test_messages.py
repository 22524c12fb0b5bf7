"""No field of a server's message exceeds it, and no loop over a claimed count outlasts it."""

from __future__ import annotations

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko.auth_handler import AuthHandler

from sockfleet.collector.paramiko.messages import (
    ServerMessage,
    check_host_key,
    check_signature,
)

MOST = b"\xff\xff\xff\xff"
SHORT = 2**20 - 1
"""The longest field that paramiko itself fills up with zeros."""


def encode(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def test_a_claimed_number_of_prompts_is_not_looped_over(mocker):
    handler = AuthHandler(mocker.Mock())
    handler.auth_method = "keyboard-interactive"
    message = ServerMessage(encode(b"", b"", b"") + MOST)
    with pytest.raises(paramiko.SSHException, match="malformed"):
        handler._parse_userauth_info_request(message)


def test_a_claimed_number_of_extensions_is_not_looped_over(mocker):
    with pytest.raises(paramiko.SSHException, match="malformed"):
        paramiko.Transport._parse_ext_info(mocker.Mock(), ServerMessage(MOST))


@given(st.binary(max_size=100), st.integers(min_value=0, max_value=2**32 - 1))
def test_a_field_is_whole_or_refused(data, length):
    message = ServerMessage(length.to_bytes(4, "big") + data)
    if length <= len(data):
        assert message.get_binary() == data[:length]
    else:
        with pytest.raises(paramiko.SSHException, match="malformed"):
            message.get_binary()


def test_a_number_is_read_up_to_the_size_that_openssh_accepts():
    number = 2**16383
    message = paramiko.Message()
    message.add_mpint(number)
    assert ServerMessage(message.asbytes()).get_mpint() == number
    with pytest.raises(paramiko.SSHException, match="16384 bits"):
        ServerMessage(encode(b"\x01" * 2050)).get_mpint()


@pytest.mark.parametrize(
    "key", [paramiko.RSAKey.generate(1024), paramiko.ECDSAKey.generate()], ids=["rsa", "ecdsa"]
)
def test_a_key_and_its_signature_are_checked_before_paramiko_parses_them(key):
    blob = key.asbytes()
    algorithm = "rsa-sha2-256" if isinstance(key, paramiko.RSAKey) else None
    signature = key.sign_ssh_data(b"data", algorithm).asbytes()
    check_host_key(blob)
    check_signature(signature)
    for size in range(len(blob)):
        with pytest.raises(paramiko.SSHException):
            check_host_key(blob[:size])
    for size in range(len(signature)):
        with pytest.raises(paramiko.SSHException):
            check_signature(signature[:size])


@pytest.mark.parametrize(
    "blob",
    [
        encode(b"ssh-rsa") + SHORT.to_bytes(4, "big") + b"\x01",
        encode(b"ssh-rsa", b"\x01\x00\x01", b"\x01" * SHORT),
        encode(b"ssh-rsa-cert-v01@openssh.com", b"nonce", b"\x03") + SHORT.to_bytes(4, "big"),
        encode(b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" * SHORT),
    ],
)
def test_a_key_with_a_giant_number_is_refused(blob):
    with pytest.raises(paramiko.SSHException):
        check_host_key(blob)


def test_a_signature_with_a_giant_number_is_refused():
    numbers = encode(b"\x01") + SHORT.to_bytes(4, "big")
    with pytest.raises(paramiko.SSHException):
        check_signature(encode(b"ecdsa-sha2-nistp256", numbers))

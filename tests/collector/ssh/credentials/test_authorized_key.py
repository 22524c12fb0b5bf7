"""The restricted line of authorized_keys: what it holds, and which input is refused."""

from __future__ import annotations

import base64
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.ssh.credentials.authorized_key import check_network, format_authorized_key
from sockfleet.core.errors import UsageError
from tests.support.ssh.sshd import ssh_keygen

COMMAND = "exec /bin/cat /proc/net/sockstat"
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDIZ+AbQHVktsbJapnYvsZJmd/6kbcSXwK/TigITssSU me@here"


def refused(key: str) -> str:
    with pytest.raises(UsageError) as caught:
        format_authorized_key(key, COMMAND)
    return str(caught.value)


def test_the_key_is_restricted_to_the_command():
    line = format_authorized_key(ED25519, 'echo "a"')
    assert line == f'restrict,command="echo \\"a\\"" {ED25519}'


def test_the_networks_come_before_the_command():
    line = format_authorized_key(ED25519 + "\n", COMMAND, ["10.1.0.0/16", "::1"])
    assert line.startswith('restrict,from="10.1.0.0/16,::1",command="exec ')


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", ()), ("rsa", ("-b", "2048")), ("ecdsa", ("-b", "521"))]
)
def test_ssh_keygen_reads_the_line(tmp_path, kind, bits):
    key = ssh_keygen(tmp_path / "key", *bits, key_type=kind)
    file = tmp_path / "authorized_keys"
    public_key = key.with_suffix(".pub").read_text()
    file.write_text(format_authorized_key(public_key, COMMAND, ["192.0.2.0/24"]) + "\n")
    listed = ["ssh-keygen", "-l", "-f", str(file)]
    of_line = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    listed[-1] = str(key)
    of_key = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    assert of_line.split()[:2] == of_key.split()[:2]


def test_a_private_key_is_refused(tmp_path):
    key = ssh_keygen(tmp_path / "key")
    assert refused(key.read_text()).startswith("that is a private key, which stays here")


def test_a_certificate_is_refused(tmp_path):
    authority, key = ssh_keygen(tmp_path / "ca"), ssh_keygen(tmp_path / "key")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "x", "-n", "root", f"{key}.pub"],
        check=True,
    )
    assert "that is a certificate" in refused((tmp_path / "key-cert.pub").read_text())


TEXT = ED25519.split()[1]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "found 0 lines"),
        ("# a comment\n\n", "found 0 lines"),
        (f"{ED25519}\n{ED25519}", "found 2 lines"),
        ("hello", "is no public key"),
        (f'command="sh" {ED25519}', "is no public key"),
        (f"no-pty {ED25519}", "is no public key"),
        (f"{ED25519.split()[0]} {TEXT[:-8]}", "cannot be read"),
        (f"ssh-rsa {TEXT}", "ssh-rsa"),
        (f"ssh-dss {TEXT}", "ssh-dss"),
        (f"ssh-ed25519 {base64.b64encode(b'x' * 40).decode()}", "cannot be read"),
        (f"\x1b[31m{ED25519}", "is no public key"),
    ],
)
def test_text_that_is_no_public_key_is_refused(key, reason):
    message = refused(key)
    assert reason in message
    assert message.isprintable()


def test_a_comment_cannot_add_a_line_or_steer_a_terminal():
    line = format_authorized_key(f"{ED25519}\x1b]0;x\x07\u202e\x0b end", COMMAND)
    assert line.isprintable()
    assert line.endswith("end")


@given(st.text(max_size=200))
def test_any_text_gives_one_line_or_an_error(text):
    try:
        line = format_authorized_key(text, COMMAND)
    except UsageError as error:
        assert str(error).isprintable()
    else:
        assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    ],
)
def test_a_network_is_written_as_sshd_reads_it(text, network):
    assert check_network(text) == network


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.1.2.3/16", "10.1.0.0/16 is the network"),
        ("", "is no network"),
        ("example.org", "is no network"),
        ("*", "is no network"),
        ("!10.0.0.1", "is no network"),
        ("10.0.0.0/33", "is no network"),
        ('10.0.0.1",command="sh', "is no network"),
        ("fe80::1%eth0", "without a zone"),
        ("10.0.0.1\n", "is no network"),
    ],
)
def test_a_network_that_sshd_refuses_is_refused(text, reason):
    with pytest.raises(UsageError) as caught:
        check_network(text)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()

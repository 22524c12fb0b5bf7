from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.addresses import (
    check_address,
    check_label,
    check_port,
    check_user,
)

SHELL = set(" \t\n\r'\"`$&;|<>()[]{}!*?\\#~^=,/")


@pytest.mark.parametrize(
    "text",
    [
        "web1",
        "web-1.example.com",
        "web1.example.com.",
        "_dmarc_host",
        "10.0.0.1",
        "2001:db8::1",
        "::1",
        "fe80::1%eth0",
        "fe80::1%br-lan.4",
        "xn--bcher-kva.example",
        "a" * 63 + ".example",
    ],
)
def test_valid_addresses_are_returned_unchanged(text: str) -> None:
    assert check_address(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels"),
        ("-oProxyCommand=x", "labels"),
        ("a b", "labels"),
        ("a..b", "labels"),
        ("a" * 64, "labels"),
        (".".join(["a" * 60] * 5), "labels"),
        ("web1\n", "labels"),
        ("web1\x1b[2J", "labels"),
        ("$(reboot)", "labels"),
        ("web;reboot", "labels"),
        ("me@web1", "ansible_user"),
        ("web1:22", "ansible_port"),
        ("[::1]", "without brackets"),
        ("[::1]:22", "ansible_port"),
        ("ssh://web1", "not a URI"),
        ("bücher.example", "xn--"),
        ("::1::2", "labels"),
        ("fe80::1%", "interface"),
        ("fe80::1%-x", "interface"),
        ("fe80::1%eth0;x", "interface"),
    ],
)
def test_invalid_addresses_raise_with_a_hint(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        check_address(text)
    assert str(caught.value).isprintable()


@given(st.text(max_size=300))
def test_accepted_values_hold_no_option_and_no_shell_character(text: str) -> None:
    for judged in (check_address, check_user):
        try:
            passed = judged(text)
        except ValueError:
            continue
        assert passed == text
        assert not text.startswith("-")
        assert text.isascii()
        assert text.isprintable()
        assert not SHELL & set(text)


@given(st.from_regex(re.compile(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,4}"), fullmatch=True))
def test_every_plain_dns_name_passes(text: str) -> None:
    assert check_address(text) == text


@given(st.ip_addresses())
def test_every_ip_address_passes(address: object) -> None:
    assert check_address(str(address)) == str(address)


@pytest.mark.parametrize("text", ["root", "a.b-c_d", "me@corp.example", "1000", "x+y"])
def test_user_names(text: str) -> None:
    assert check_user(text) == text


@pytest.mark.parametrize("text", ["", "-x", "a b", "a'b", "DOM\\me", "é", "a\n", "a$b", "x" * 256])
def test_invalid_user_names(text: str) -> None:
    with pytest.raises(ValueError, match="no user name"):
        check_user(text)


@given(st.integers(1, 65535))
def test_ports(port: int) -> None:
    assert check_port(str(port)) == port


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "+22", "2_2", "22x", "２２", "1e3"])
def test_invalid_ports(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 65535"):
        check_port(text)


@pytest.mark.parametrize("text", ["web 1", "büro", "db/1", "a;b", "a\xa0b", "\u3164", "x" * 255])
def test_a_label_may_be_any_text_without_controls(text: str) -> None:
    assert check_label(text) == text


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "-a", "a\tb", "a\x1b", "a\u202eb", "a\u2028b", "a\ud800", "x" * 256]
)
def test_invalid_labels(text: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        check_label(text)


@given(st.text(alphabet=string.printable + "\x00\x1b\u202e\u2028", max_size=20))
def test_a_label_never_holds_a_control(text: str) -> None:
    try:
        check_label(text)
    except ValueError:
        return
    assert text.isprintable()

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.ssh_options.algorithms import parse_algorithms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aes128-ctr", ("aes128-ctr",)),
        ("aes128-ctr,aes256-ctr", ("aes128-ctr", "aes256-ctr")),
        ("+ssh-rsa,ssh-dss", ("+ssh-rsa", "ssh-dss")),
        ("^hmac-sha1", ("^hmac-sha1",)),
        ("-*-etm@openssh.com,hmac-md?", ("-*-etm@openssh.com", "hmac-md?")),
    ],
)
def test_a_list_is_split_and_keeps_its_sign(text: str, expected: tuple[str, ...]) -> None:
    assert parse_algorithms(text) == expected


@pytest.mark.parametrize(
    "text", ["", "+", "-", "a,,b", "a b", "-a\n", "aes*", "+aes*", "a,-oX", "é", "++a", "a,+b"]
)
def test_invalid_items_are_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="no algorithm"):
        parse_algorithms(text)


@given(st.text(max_size=40))
def test_parsed_lists_hold_no_control_and_no_blank(text: str) -> None:
    try:
        names = parse_algorithms(text)
    except ValueError:
        return
    assert ",".join(names) == text
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text

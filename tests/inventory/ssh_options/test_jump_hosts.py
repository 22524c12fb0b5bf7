from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.arguments import SshOption
from sockfleet.inventory.ssh_options.jump_hosts import JumpTarget, parse_jump_command, parse_jumps
from sockfleet.inventory.ssh_options.values import Tokens

TOKENS = Tokens(alias="web1", address="10.0.0.1", port=22, user="me")


def option(keyword: str, text: str) -> SshOption:
    return SshOption(keyword=keyword, text=text, words=(text,), source="args")


def jumps(text: str) -> tuple[JumpTarget, ...]:
    return parse_jumps(option("ProxyJump", text), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", ()),
        ("NONE", ()),
        ("b", (JumpTarget(host="b"),)),
        ("me@b:22", (JumpTarget(host="b", user="me", port=22),)),
        ("me@corp@b", (JumpTarget(host="b", user="me@corp"),)),
        ("[::1]:22", (JumpTarget(host="::1", port=22),)),
        ("me@[fe80::1%eth0]", (JumpTarget(host="fe80::1%eth0", user="me"),)),
        ("ssh://me@b:22", (JumpTarget(host="b", user="me", port=22),)),
        ("ssh://me%40corp@[::1]/", (JumpTarget(host="::1", user="me@corp"),)),
        ("a,me@b:1", (JumpTarget(host="a"), JumpTarget(host="b", user="me", port=1))),
    ],
)
def test_lists_of_jump_hosts(text: str, expected: tuple[JumpTarget, ...]) -> None:
    assert jumps(text) == expected


@given(st.text(max_size=60))
def test_any_list_gives_safe_hosts_or_an_error(text: str) -> None:
    try:
        found = jumps(text)
    except InventoryError as error:
        assert str(error).isprintable()
        return
    for target in found:
        for word in (target.host, target.user or ""):
            assert word.isascii()
            assert word.isprintable()
            assert not word.startswith("-")


@given(st.text(max_size=60))
def test_any_command_parses_or_raises_inventory_error(text: str) -> None:
    for command in (text, f"ssh {text}", f"ssh -W %h:%p {text}"):
        try:
            found = parse_jump_command(option("ProxyCommand", command), TOKENS)
        except InventoryError as error:
            assert str(error).isprintable()
            continue
        assert found is None or not found.host.startswith("-")

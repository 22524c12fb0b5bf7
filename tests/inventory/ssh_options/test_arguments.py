from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.arguments import (
    SshArguments,
    read_arguments,
    read_option,
    split_words,
)


def read(text: str, *, proxy: bool = False) -> SshArguments:
    return read_arguments(shlex.split(text), "args", proxy=proxy)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(option.keyword, option.text) for option in read(text).options]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("-p 2222", [("Port", "2222")]),
        ("-p2222", [("Port", "2222")]),
        ("-l me -i '/a b'", [("User", "me"), ("IdentityFile", "/a b")]),
        ("-o Port=22", [("Port", "22")]),
        ("-oPort=22", [("Port", "22")]),
        ("-o 'Port 22'", [("Port", "22")]),
        ("-o 'Port = 22'", [("Port", "22")]),
        ("-o 'ProxyCommand=nc -X 5 %h %p'", [("ProxyCommand", "nc -X 5 %h %p")]),
        ("-J a,b", [("ProxyJump", "a,b")]),
        ("-vvv", [("LogLevel", "verbose")] * 3),
        ("-tt", [("RequestTTY", "yes")] * 2),
        ("-qp 22", [("LogLevel", "quiet"), ("Port", "22")]),
        ("-4 -6", [("AddressFamily", "inet6"), ("AddressFamily", "inet")]),
        ("-o AddressFamily=inet -6", [("AddressFamily", "inet6"), ("AddressFamily", "inet")]),
        ("-K", [("GSSAPIDelegateCredentials", "yes"), ("GSSAPIAuthentication", "yes")]),
        ("-2 -y", []),
    ],
)
def test_flags_become_options(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(text) == expected


def test_the_last_config_file_takes_precedence() -> None:
    assert read("-F a -Fb").config_file == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-p", "-p has no value"),
        ("-o", "-o has no value"),
        ("-N", "-N is refused"),
        ("-qf", "-f is refused"),
        ("-W %h:%p", "-W is refused"),
        ("web1", "'web1' is no ssh option"),
        ("--", "'--' is no ssh option"),
        ("-", "'-' is no ssh option"),
        ("-é", "is no ssh option"),
        ("-o =x", "is no ssh option"),
        ("-o ''", "is no ssh option"),
        ("-o 'User=\"me'", "a quote is not closed"),
    ],
)
def test_invalid_words_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message) as caught:
        read(text)
    assert caught.value.where == "args"


def test_forward_and_destination_only_in_a_proxy_command() -> None:
    arguments = read("-q -W %h:%p me@bastion -p 22", proxy=True)
    assert (arguments.forward, arguments.destination) == ("%h:%p", "me@bastion")
    assert [option.keyword for option in arguments.options] == ["LogLevel", "Port"]
    assert not arguments.runs_command
    # As in ssh, what follows the command is the command's.
    arguments = read("-q bastion -p 22 nc -w 5 %h %p", proxy=True)
    assert (arguments.destination, arguments.runs_command) == ("bastion", True)
    assert [option.keyword for option in arguments.options] == ["LogLevel", "Port"]
    with pytest.raises(InventoryError, match="a second -W"):
        read("-W a:1 -W b:2 bastion", proxy=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", ("a", "b")),
        ('"a b" c', ("a b", "c")),
        ("'a b'c", ("a bc",)),
        ("a # b", ("a",)),
        ("a#b", ("a#b",)),
        ('""', ("",)),
        ("a\\ b", ("a b",)),
        ("a\\b", ("a\\b",)),
        ('"a\\"b"', ('a"b',)),
        ("'a\\b'", ("a\\b",)),
        ("a\\", ("a\\",)),
        ("", ()),
    ],
)
def test_words_are_split_as_ssh_splits_them(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@given(st.lists(st.text(max_size=20), max_size=8), st.booleans())
def test_any_words_parse_or_raise_inventory_error(words: list[str], proxy: bool) -> None:
    try:
        read_arguments(words, "args", proxy=proxy)
    except InventoryError as error:
        assert str(error).isprintable()


@given(st.text(max_size=60))
def test_any_option_parses_or_raises_inventory_error(text: str) -> None:
    try:
        option = read_option(text, "args")
    except InventoryError as error:
        assert str(error).isprintable()
    else:
        assert option.name.isalnum()

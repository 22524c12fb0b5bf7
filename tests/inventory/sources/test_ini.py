"""INI inventories: values and errors; test_against_ansible.py compares their hosts."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.ini import parse_value, read_ini_inventory
from sockfleet.inventory.sources.unresolved import UnresolvedInventory


def read(text: str) -> UnresolvedInventory:
    unresolved = UnresolvedInventory()
    read_ini_inventory(unresolved, text, "hosts.ini")
    return unresolved


@given(
    st.text("aTrueFalsNo019.-+_:/@ex,(){}[]'\" #", max_size=12)
    | st.from_regex(r"\A-?[0-9a-zA-Z_./:@+-]{1,12}\Z")
)
def test_shortcuts_give_the_same_value_as_the_literal(text: str) -> None:
    try:
        expected = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        assert parse_value(text) == text
        return
    except TypeError:
        with pytest.raises(ValueError, match="cannot read"):
            parse_value(text)
        return
    if isinstance(expected, str | int | float | bool | None):
        assert parse_value(text) == expected
        assert type(parse_value(text)) is type(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(1, [2], {3})", [1, [2], [3]]),
        ("{'a': (1,)}", {"a": [1]}),
        ("b'x'", "x"),
        ("...", "..."),
        ("2j", "2j"),
        ("set()", []),
        ("0777", "0777"),
        ("1_000", 1000),
        ("", ""),
    ],
)
def test_parsed_values(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a\n[web x]\n", ":2", "section '\\[web x\\]'"),
        ("[web:stuff]\n", ":1", "expected :vars or :children"),
        ("\n\na b\n", ":3", "found 'b' after a host, expected name=value"),
        ("a 'b\n", ":1", "No closing quotation"),
        ("[web]\na\n[web:vars]\nnonsense\n", ":4", r"\[web:vars\], expected name=value"),
        ("[p:children]\na\na b\n", ":3", "expected the name of a group"),
        ("[p:children]\nnot_there\n", ":2", "names the group 'not_there'"),
        ("[nobody:vars]\na=1\n", ":1", "that no section or source declares"),
        ("---\n", ":1", "begins a YAML file"),
        ("all:\n  hosts:\n", ":1", "expected a port after the colon"),
        ("a[2:1]\n", ":1", "runs backwards"),
        ("a x={[]:1}\n", ":1", "cannot read '{\\[\\]:1}'"),
        ("a x=\"b'\\xff'\"\n", ":1", "decode"),
        ("''\n", ":1", "empty host name"),
        ("[a]\n[b]\n[a:children]\nb\n[b:children]\na\n", ":6", "'a' cannot be a child of 'b'"),
        ("[a:children]\na\n", ":2", "cannot be a child of 'a'"),
        ("[a]\n[a:children]\nall\n", ":3", "'all' holds every group"),
        ("[a]\n[a:vars]\nansible_group_priority=high\n", ":3", "ansible_group_priority 'high'"),
    ],
)
def test_errors_name_the_line(text: str, where: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message) as caught:
        read(text)
    assert caught.value.where == f"hosts.ini{where}"


def test_circle_through_groups_declared_later() -> None:
    with pytest.raises(InventoryError, match="would hold itself"):
        read("[a:children]\nb\n[b:children]\nc\n[c:children]\na\n[c]\nh\n")


def test_hosts_hold_their_line() -> None:
    unresolved = read("# c\n\nfirst\n[web]\nsecond\nfirst\n")
    assert unresolved.hosts["first"].where == "hosts.ini:3"
    assert unresolved.hosts["second"].where == "hosts.ini:5"


@given(st.text(max_size=60) | st.text("[]:=#'\" ab\n\t,{}()", max_size=60))
def test_any_text_gives_hosts_or_an_inventory_error(text: str) -> None:
    try:
        read(text)
    except InventoryError as error:
        assert error.where.startswith("hosts.ini:")

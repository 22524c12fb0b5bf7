from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.connection.variables import (
    ADDRESS,
    IGNORED,
    NAMES,
    PASSWORD,
    PORT,
    USER,
    Variables,
)
from sockfleet.inventory.errors import InventoryError


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert set(IGNORED) < set(NAMES)


@pytest.mark.parametrize("names", [ADDRESS, USER, PASSWORD, PORT])
def test_the_last_name_that_is_set_takes_precedence(names: tuple[str, ...]) -> None:
    values: dict[str, Any] = {"ansible_connection": "paramiko"}
    for number, name in enumerate(names, start=1):
        values[name] = number
        variables = Variables(values)
        found = variables.port() if names is PORT else variables.text(names)
        assert found == ((number if names is PORT else str(number)), name)
    values[names[-1]] = None
    assert Variables(values).text(names) == (str(len(names) - 1), names[-2])


@given(st.sampled_from(["yes", "Yes", " on ", "1", "TRUE", "t", "y"]))
def test_words_for_true(word: str) -> None:
    name = "ansible_host_key_checking"
    assert Variables({name: word}).host_key_checking() == (True, name)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
def test_any_port_value_gives_a_port_or_an_error(value: object) -> None:
    try:
        port, _ = Variables({"ansible_port": value}).port()
    except InventoryError as error:
        assert str(error).isprintable()
        return
    assert port is None or 1 <= port <= 65535
    assert not isinstance(value, (bool, float))


def test_overridden_values_are_not_checked() -> None:
    variables = Variables({"ansible_host": "{{ x }}", "ansible_ssh_host": "10.0.0.1"})
    assert variables.text(ADDRESS) == ("10.0.0.1", "ansible_ssh_host")

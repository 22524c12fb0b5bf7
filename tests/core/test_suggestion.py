"""The nearest name to a mistyped one, and what is printed of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.suggestion import nearest, suggest
from sockfleet.core.text import has_unsafe

NAMES = ("web", "database", "proxy")


def test_the_nearest_name_is_suggested():
    assert suggest("wbe", NAMES) == "; did you mean web?"
    assert suggest("databse", NAMES) == "; did you mean database?"


def test_case_alone_is_a_mistake_with_a_nearest_name():
    assert nearest("PROXY", NAMES) == "proxy"
    assert nearest("proxi", ["Proxy"]) == "Proxy"


def test_without_a_near_name_all_are_listed():
    assert suggest("xyzzy", NAMES) == "; there are web, database, proxy"
    assert suggest("xyzzy", []) == ""


def test_only_the_first_of_very_many_names_are_compared():
    names = (f"host{number}" for number in range(1_000_000))
    assert nearest("zzz", names) is None
    assert next(names) == "host20000"


@given(st.text(), st.lists(st.text()))
def test_any_names_give_a_printable_line(found, known):
    assert not has_unsafe(suggest(found, known))
    assert nearest(found, known) in {None, *known}

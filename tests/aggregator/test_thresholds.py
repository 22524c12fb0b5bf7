"""Thresholds that a user sets: each key, and invalid ones."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.thresholds import Thresholds, parse_thresholds
from sockfleet.core.errors import UsageError


def test_without_settings_the_thresholds_are_the_usual_ones():
    assert parse_thresholds([]) == Thresholds()


def test_each_kind_and_the_last_of_a_key():
    found = parse_thresholds(
        ["held_sockets=7", "held-share=10%", "tw_share= 0.75 ", "held_sockets=500"]
    )
    assert found == Thresholds(held_sockets=500, held_share=0.1, tw_share=0.75)


@given(st.sampled_from([field.name for field in fields(Thresholds)]), st.integers(0, 10**15 - 1))
def test_every_key_takes_a_number_and_changes_nothing_else(name, value):
    found = parse_thresholds([f"{name}={value}"])
    assert getattr(found, name) == value
    assert type(getattr(found, name)) is type(getattr(Thresholds(), name))
    unchanged = [field.name for field in fields(Thresholds) if field.name != name]
    assert all(getattr(found, other) == getattr(Thresholds(), other) for other in unchanged)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("held_sockets", r"'held_sockets': expected KEY=VALUE"),
        ("", "expected KEY=VALUE"),
        ("=3", "no threshold ''; there are mem_pressure_share, mem_high_share, "),
        ("held_socket=3", "no threshold 'held_socket'; did you mean held_sockets?"),
        ("TW-sockets=3", "no threshold 'TW-sockets'; did you mean tw_sockets?"),
        ("quite-other=3", "no threshold 'quite-other'; there are"),
        ("held_sockets=1.5", "'1.5' is not a whole number of sockets"),
        ("held_sockets=-1", "'-1' is not a whole number"),
        ("held_sockets=10%", "'10%' is not a whole number"),
        ("held_sockets=١٢", "is not a whole number"),
        ("held_sockets=1_000", "is not a whole number"),
        ("held_sockets=" + "9" * 5000, "is not a whole number"),
        ("held_share=", "'' is not a share such as 0.25 or 25%"),
        ("held_share=%", "'%' is not a share"),
        ("held_share=nan", "'nan' is not a share"),
        ("held_share=inf", "'inf' is not a share"),
        ("held_share=-0.1", "'-0.1' is not a share"),
        ("held_share=0.1=0.2", "'0.1=0.2' is not a share"),
    ],
)
def test_an_invalid_threshold_is_quoted_with_the_expected_form(text, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_thresholds(["tw_share=0.5", text])
    assert caught.value.exit_code == 2


@given(st.text())
def test_any_text_is_a_threshold_or_refused(text):
    try:
        found = parse_thresholds([text])
    except UsageError as error:
        assert repr(text) in str(error)
    else:
        assert "=" in text
        assert isinstance(found, Thresholds)

"""The guidelines' ranges, against another implementation of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nagiosplugin import Range as TheirRange

from sockfleet.alerting.levels.range import Range, parse_range
from sockfleet.core.errors import UsageError

numbers = st.integers(-(10**6), 10**6).map(str) | st.decimals(
    -1000, 1000, places=3, allow_nan=False
).map(str)


@st.composite
def ranges(draw):
    low, high = sorted((draw(numbers), draw(numbers)), key=float)
    body = draw(
        st.sampled_from([f"{low}:{high}", f"{low}:", f"~:{high}", "~:", high.lstrip("-"), "0:"])
    )
    return draw(st.sampled_from(["", "@"])) + body


@given(ranges(), st.floats(-2e6, 2e6) | numbers.map(float))
def test_another_implementation_alerts_for_the_same_values(text, value):
    assert parse_range(text).alerts(value) is not TheirRange(text).match(value)


@given(ranges(), st.floats(-2e6, 2e6) | numbers.map(float))
def test_a_range_reads_back(text, value):
    found = parse_range(text)
    assert parse_range(str(found)) == found
    assert TheirRange(str(found)).match(value) is not found.alerts(value)


@pytest.mark.parametrize(
    ("text", "alerting", "silent"),
    [
        ("10", [-1, 10.5, 11], [0, 5, 10]),
        ("10:", [9.99, -1], [10, 1e12]),
        ("~:10", [11], [10, -1e12]),
        ("10:20", [9, 21], [10, 15, 20]),
        ("@10:20", [10, 15, 20], [9, 21]),
        ("0", [1, -1], [0]),
        ("-5:-1", [0, -6], [-5, -1]),
        ("1.5", [1.6], [1.5]),
    ],
)
def test_the_guidelines_own_examples(text, alerting, silent):
    found = parse_range(text)
    assert [value for value in alerting if not found.alerts(value)] == []
    assert [value for value in silent if found.alerts(value)] == []


@pytest.mark.parametrize(
    "text",
    ["", ":", "@", "~", "~10", "20:10", "10:20:30", "1e3", "nan", "inf", "1_000", "+5", "١٠", "10 ",
     "--1", "10:~", "@@1", "9" * 400, "1|2", "0x10", "5\n"],
)  # fmt: skip
def test_an_invalid_range_is_refused_and_quoted(text):
    with pytest.raises(UsageError) as refused:
        parse_range(text)
    assert repr(text) in str(refused.value)


@given(st.text(max_size=20))
def test_any_text_is_a_range_or_refused(text):
    try:
        found = parse_range(text)
    except UsageError:
        return
    assert found.start <= found.end


def test_a_value_beyond_a_range_in_words():
    assert Range(start=0, end=10).where(11) == "above 10"
    assert Range(start=10, end=math.inf).where(3) == "below 10"
    assert Range(start=10, end=20, inside=True).where(15) == "within 10:20"

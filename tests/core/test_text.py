"""Whatever a host sends becomes one harmless line."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.text import clean


def test_escapes_newlines_and_bidirectional_overrides_go():
    assert clean(b"\x1b[31mred\x1b[0m\r\nnext\t\x07") == "[31mred [0m next"
    assert clean("a\u202eb\u2066c\u200bd\u2028e") == "a b c d e"
    assert clean(b"\xff\xfe") == "\ufffd\ufffd"


def test_a_long_text_ends_in_an_ellipsis():
    assert clean("x" * 300, limit=10) == "x" * 9 + "…"
    assert clean("x" * 10, limit=10) == "x" * 10
    assert len(clean(b"x" * 10_000_000)) == 200


@given(st.one_of(st.binary(max_size=2000), st.text(max_size=2000)), st.integers(1, 300))
def test_always_one_printable_line_within_the_limit(raw, limit):
    line = clean(raw, limit=limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(c)[0] == "C" for c in line)
    assert "\n" not in line
    assert line == line.strip()

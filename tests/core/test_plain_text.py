from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.text import escape, has_unsafe, quote


@given(st.text(max_size=200) | st.binary(max_size=50) | st.integers() | st.none())
def test_what_is_shown_is_one_short_printable_line(value: object) -> None:
    text = quote(value)
    assert len(text) <= 80
    assert text.isprintable()


@given(st.text(max_size=50))
def test_what_is_escaped_holds_nothing_unsafe(text: str) -> None:
    assert not has_unsafe(escape(text))


def test_printable_text_of_any_language_stays() -> None:
    assert escape("büro 東京 a\xa0b") == "büro 東京 a\xa0b"
    assert escape("a\x1b[2J\n\u202e") == "a\\x1b[2J\\n\\u202e"

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.text import escaped, has_unsafe, shown


@given(st.text(max_size=200) | st.binary(max_size=50) | st.integers() | st.none())
def test_what_is_shown_is_one_short_printable_line(value: object) -> None:
    text = shown(value)
    assert len(text) <= 80
    assert text.isprintable()


@given(st.text(max_size=50))
def test_what_is_escaped_holds_nothing_unsafe(text: str) -> None:
    assert not has_unsafe(escaped(text))


def test_printable_text_of_any_language_stays() -> None:
    assert escaped("büro 東京 a\xa0b") == "büro 東京 a\xa0b"
    assert escaped("a\x1b[2J\n\u202e") == "a\\x1b[2J\\n\\u202e"

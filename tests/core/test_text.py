"""Text of hosts, files and inventories is safe to print."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.text import (
    clean,
    endpoint,
    escape,
    escape_lines,
    has_control,
    has_unsafe,
    quote,
)

# One character of each unsafe category: Cc, Cf, Cs, Co, Cn, Zl, Zp.
CONTROLS = "\x00\u202e\udc80\ue000\u0378\u2028\u2029"
INVISIBLE = "\xa0\u2003\u202f\u3000\u034f\u115f\u17b4\u180b\u2800\u3164\ufe0f\uffa0\U000e0100"


def test_clean_replaces_control_and_format_characters_by_blanks() -> None:
    assert clean(b"\x1b[31mred\x1b[0m\r\nnext\t\x07") == "[31mred [0m next"
    assert clean("a\u202eb\u2066c\u200bd\u2028e") == "a b c d e"
    assert clean(b"\xff\xfe") == "\ufffd\ufffd"


def test_clean_shortens_a_long_text() -> None:
    assert clean("x" * 300, limit=10) == "x" * 9 + "…"
    assert clean("x" * 10, limit=10) == "x" * 10
    assert len(clean(b"x" * 10_000_000)) == 200


@given(st.one_of(st.binary(max_size=2000), st.text(max_size=2000)), st.integers(1, 300))
def test_clean_returns_one_safe_line_within_the_limit(raw: bytes | str, limit: int) -> None:
    line = clean(raw, limit=limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(char)[0] == "C" for char in line)
    assert "\n" not in line
    assert line == line.strip()


@given(st.text(max_size=50))
def test_escape_leaves_no_unsafe_character(text: str) -> None:
    assert not has_unsafe(escape(text))


def test_escape_keeps_printable_text_of_any_language() -> None:
    assert escape("büro 東京 한글 नमस्ते 🐧") == "büro 東京 한글 नमस्ते 🐧"
    assert escape("a\x1b[2J\n\u202e") == "a\\x1b[2J\\n\\u202e"


@pytest.mark.parametrize("char", INVISIBLE)
def test_an_invisible_character_is_unsafe_and_no_control(char: str) -> None:
    assert has_unsafe(char)
    assert not has_control(char)


@pytest.mark.parametrize("char", CONTROLS + INVISIBLE)
def test_every_unsafe_category_is_found_and_removed(char: str) -> None:
    assert has_unsafe(f"a{char}b")
    assert clean(f"a{char}b") == "a b"
    assert escape(f"a{char}b") == f"a{ascii(char)[1:-1]}b"


def test_escape_lines_keeps_newlines() -> None:
    assert escape_lines("a\x1b\nb\r\n") == "a\\x1b\nb\\r\n"


@given(st.text(max_size=200) | st.binary(max_size=50) | st.integers() | st.none())
def test_quote_returns_one_short_printable_line(value: object) -> None:
    text = quote(value)
    assert len(text) <= 80
    assert text.isprintable()


@pytest.mark.parametrize(
    ("address", "shown"), [("web", "web:22"), ("::1", "[::1]:22"), ("a\nb", "a b:22")]
)
def test_an_endpoint_is_address_and_port(address: str, shown: str) -> None:
    assert endpoint(address, 22) == shown

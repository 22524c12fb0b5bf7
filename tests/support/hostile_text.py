"""Texts that attack a terminal or a parser, and a check that an output is harmless."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["HOSTILE", "assert_harmless", "assert_harmless_text", "texts"]

HOSTILE = {
    "colour": b"\x1b[31mred\x1b[0m",
    "clear": b"\x1b[2J\x1b[H",
    "clipboard": b"\x1b]52;c;cm0gLXJmIC8=\x07",
    "title": b"\x1b]0;pwned\x07",
    "eight_bit": b"\xc2\x9b31m\xc2\x9d52;c;eA==\xc2\x9c",
    "newline": b'a\nsockfleet: error: forged\n{"name": "forged"}\n',
    "return": b"good\rforged",
    "separators": "a\u2028b\u2029c\u0085d\x0be\x0cf".encode(),
    "bidi": "\u202egnp.exe\u2066\u2069\u200f".encode(),
    "zero_width": "a\u200bb\ufeffc\u00add".encode(),
    "long": b"x" * 200_000,
    "wide": "\U0001f4a9\u5b57".encode() * 500,
    "formula": b"=cmd|'/C calc'!A0",
    "formulas": b"+1+1 -2 @SUM(A1)",
    "quotes": b'","x"\';--\\"\\',
    "markup": b"[red]bold[/red] [link=file:///etc/passwd]x[/link]",
    "html": b"<script>alert(1)</script>",
    "json": b'"}],"hosts":[{"name":"forged"}]}',
    "label": b'x"} 1\nforged_metric{a="',
    "influx": b"x,forged=1 y=2i",
    "perfdata": b"| 'forged'=1;;;",
    "invalid": b"\xff\xfe\xc0\x80\xed\xa0\x80\xf5",
    "nul": b"a\x00b",
    "delete": b"a\x7f\x08\x08b",
    "tab": b"a\tb",
    "tags": "\U000e0041\U000e0042".encode(),
    "combining": ("a" + "\u0301" * 1000).encode(),
}

texts = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=40).map(lambda t: t.encode("utf-8", "surrogatepass")),
    st.sampled_from(sorted(HOSTILE.values())),
)
"""Any bytes that a host may send in place of a name."""


def assert_harmless(output: bytes) -> str:
    """Return the output as text; assert that it is harmless."""
    text = output.decode()
    assert_harmless_text(text)
    return text


def assert_harmless_text(text: str) -> None:
    """Assert that U+0020 is the only blank, and the newline the only control character."""
    unprintable = sorted({char for char in text if not char.isprintable() and char != "\n"})
    assert not unprintable, unprintable

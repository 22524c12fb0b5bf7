"""Make text of hosts, files and inventories safe to print.

All functions treat the same characters as unsafe (`_CONTROLS` and `_INVISIBLE`) and differ in what
replaces them:

clean   for what a host sent: blanks, in one short line
escape  for names and whole messages: escapes, so names that differ in such a character still differ
quote   for a value inside a message: its repr() in ASCII, shortened
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from .lazy_pattern import lazy_pattern

__all__ = [
    "clean",
    "count_text",
    "endpoint",
    "escape",
    "escape_lines",
    "has_control",
    "has_unsafe",
    "quote",
]

# Cc controls, Cf formats (bidirectional overrides, zero-width), Cs surrogates, Co private use,
# Cn unassigned, Zl and Zp the line and paragraph separators: each can rewrite a terminal line,
# split a record, or be refused by Prometheus (NUL) or UTF-8 (a lone surrogate).
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Blanks other than U+0020 (category Zs), the characters of other categories with the property
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode), and the blank Braille
# pattern: a name of them shows as none, or as another name.
_INVISIBLE = lazy_pattern(
    "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef\u2800]"
)


def clean(raw: bytes | str, *, limit: int = 200) -> str:
    """Return one line of at most ``limit`` characters of what a host sent.

    Bytes are read as UTF-8, and what is not UTF-8 becomes U+FFFD. Unsafe characters and runs of
    white space become one blank each. A longer text ends in ``…``. Never raises.
    """
    head = raw[: limit * 8]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    if has_unsafe(text):
        text = "".join(" " if _is_unsafe(char) else char for char in text)
    line = " ".join(text.split())
    return line if len(line) <= limit and len(head) == len(raw) else line[: limit - 1] + "…"


def escape(text: str) -> str:
    r"""Return the text with each unsafe character as its escape: ``\x1b``, ``\u202e``."""
    if not has_unsafe(text):
        return text
    return "".join(ascii(char)[1:-1] if _is_unsafe(char) else char for char in text)


def escape_lines(text: str) -> str:
    """Return the text with each of its lines escaped; its newlines stay."""
    return "\n".join(map(escape, text.split("\n")))


def quote(value: object, *, limit: int = 80) -> str:
    """Return a value as messages quote it: printable ASCII, at most ``limit`` characters."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def endpoint(address: str, port: int) -> str:
    """Return ``address:port``, an IPv6 address in brackets."""
    shown = clean(address)
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


def has_unsafe(text: str) -> bool:
    """Whether the text holds an unsafe character: a control, or one that does not show."""
    if text.isascii():
        return not text.isprintable()
    return has_control(text) or _INVISIBLE().search(text) is not None


def has_control(text: str) -> bool:
    """Whether the text holds a character that is unsafe even where a reader expects blanks."""
    # str.isprintable() is False for every control, and for blanks other than U+0020.
    return not text.isprintable() and any(map(_is_control, text))


@lru_cache(maxsize=4096)
def _is_unsafe(char: str) -> bool:
    return _is_control(char) or _INVISIBLE().match(char) is not None


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in _CONTROLS


def count_text(count: int, noun: str) -> str:
    """Format a count with its noun: ``1 host``, ``2 hosts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

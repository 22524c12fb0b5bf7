"""Text that comes from a host: cleaned once, here, before anything else sees it."""

from __future__ import annotations

import unicodedata

__all__ = [
    "clean",
    "endpoint",
    "escape",
    "escape_lines",
    "escape_unprintable",
    "has_unsafe",
    "quote",
]

# Cc controls, Cf formats (bidirectional overrides, zero-width), Cs surrogates, Co private use,
# Cn unassigned, Zl and Zp the line and paragraph separators: each can rewrite a terminal line
# or split a record.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(raw: bytes | str, *, limit: int = 200) -> str:
    """One harmless line of at most ``limit`` characters out of what a host sent.

    Bytes are read as UTF-8, what is not UTF-8 becomes U+FFFD; runs of white space, controls and
    format characters become one blank; a longer text ends in ``…``. Never raises.
    """
    head = raw[: limit * 8]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    if text.isascii() and text.isprintable():
        safe = text  # looked at as a whole: nearly all is like this
    else:
        safe = "".join(" " if unicodedata.category(c) in _UNSAFE else c for c in text)
    line = " ".join(safe.split())
    return line if len(line) <= limit and len(head) == len(raw) else line[: limit - 1] + "…"


def endpoint(address: str, port: int) -> str:
    """``address:port`` for people, an IPv6 address in brackets."""
    shown = clean(address)
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


def quote(value: object, *, limit: int = 80) -> str:
    """A value as messages quote it: one line of printable ASCII; ``…`` ends what is cut."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def has_unsafe(text: str) -> bool:
    """Whether a control, format or separator character is in it."""
    return not text.isprintable() and any(unicodedata.category(c) in _UNSAFE for c in text)


def escape(text: str) -> str:
    r"""The text with ``\x1b`` and the like for each unsafe character."""
    if not has_unsafe(text):
        return text
    return "".join(
        ascii(char)[1:-1] if unicodedata.category(char) in _UNSAFE else char for char in text
    )


def escape_lines(text: str) -> str:
    """The text with its newlines, each line of it escaped."""
    return "\n".join(map(escape, text.split("\n")))


def escape_unprintable(text: str) -> str:
    """The text with each character that cannot be printed as its escape: ``a\\x00``.

    Names that differ in such a character still differ, so that none takes another's place. A zero
    byte, which Prometheus refuses, and a lone surrogate, which UTF-8 cannot carry, are gone.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

"""Words of others in one harmless line: what an inventory says is quoted to a terminal or log."""

from __future__ import annotations

import unicodedata

__all__ = ["escaped", "escaped_lines", "has_unsafe", "shown"]

# Cc controls, Cf formats such as bidirectional overrides, Cs surrogates, Co private, Cn unassigned,
# Zl and Zp separators: a name with one of them rewrites a terminal line or splits a record.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(value: object, *, limit: int = 80) -> str:
    """A value as messages quote it: one line of printable ASCII; ``…`` ends what is cut."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def has_unsafe(text: str) -> bool:
    """Whether a control, format or separator character is in it."""
    return not text.isprintable() and any(unicodedata.category(c) in _UNSAFE for c in text)


def escaped(text: str) -> str:
    r"""The text with ``\x1b`` and the like for each unsafe character."""
    if not has_unsafe(text):
        return text
    return "".join(
        ascii(char)[1:-1] if unicodedata.category(char) in _UNSAFE else char for char in text
    )


def escaped_lines(text: str) -> str:
    """The text with its newlines, each line of it escaped."""
    return "\n".join(map(escaped, text.split("\n")))

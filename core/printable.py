"""Text that stays on its line whatever it holds, and stays told apart from other text."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """The text with each character that cannot be printed as its escape: ``a\\x00``.

    Names that differ in such a character still differ, so that none takes another's place. A zero
    byte, which Prometheus refuses, and a lone surrogate, which UTF-8 cannot carry, are gone.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

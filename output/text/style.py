"""Colours, signs and quantities of what people read, with and without colour, in UTF-8 or ASCII."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..formats import RenderOptions

__all__ = ["TextStyle", "count_text", "format_memory"]

_ASCII_SIGNS: Mapping[str, str] = MappingProxyType(
    {"≤": "<=", "…": "...", "▼": "*", "─": "-", "–": "-", "−": "-", "·": "-", "×": "x", "Σ": "sum"}
)
_ASCII = str.maketrans(dict(_ASCII_SIGNS))
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_NEXT_UNIT = 999.5  # what three digits would round to 1000
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class TextStyle:
    """Makes text fit what the reader's terminal can show."""

    options: RenderOptions

    def text(self, text: str) -> str:
        """The text in the characters that can be shown: to be used before widths are counted."""
        if not self.options.ascii or text.isascii():
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")

    def styled(self, text: str, style: str) -> str:
        """The text in one of rich's styles (``bold red``), where there is colour."""
        if not (style and self.options.color):
            return text
        from rich.color import ColorSystem
        from rich.style import Style

        # Sixteen colours: those of the user's own theme, light or dark.
        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    def width(self, text: str) -> int:
        """How many columns a terminal takes for the text."""
        if text.isascii():
            return len(text)
        from rich.cells import cell_len

        return cell_len(text)

    def wrapped(self, text: str, *, first: str = "", rest: str = "") -> str:
        """The text in lines that fit, begun by ``first``, then by ``rest``; one line in a pipe."""
        text = self.text(text)
        if self.options.width is None:
            return first + text
        return "\n".join(
            textwrap.wrap(
                text,
                max(self.options.width, _NARROWEST),
                initial_indent=first,
                subsequent_indent=rest,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )

    def encoded(self, text: str) -> bytes:
        """The finished output."""
        return text.encode("ascii" if self.options.ascii else "utf-8", "backslashreplace")


def format_memory(size_bytes: int) -> str:
    """Bytes in the unit that leaves one to three digits: ``344 KiB``."""
    if abs(size_bytes) < 1024:
        return f"{size_bytes} B"
    amount, unit = float(size_bytes), "B"
    for unit in _UNITS:  # noqa: B007 (the unit at which the loop ends is the result)
        amount /= 1024
        if abs(amount) < _NEXT_UNIT:
            break
    return f"{amount:.3g} {unit}" if abs(amount) < _NEXT_UNIT else f"{amount:.0f} {unit}"


def count_text(count: int, noun: str) -> str:
    """``1 host``, ``2 hosts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

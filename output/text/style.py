"""Text for a terminal or a pipe: colours, line width, UTF-8 or ASCII, and units."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from types import MappingProxyType

from ...aggregator.diagnosis import Severity
from ...core.lazy_pattern import lazy_pattern
from ..formats import RenderOptions

__all__ = ["FAILED", "FELL", "GREW", "SEVERITY_STYLES", "TextStyle", "format_memory"]

# One colour for one fact. The sixteen standard colours follow the user's theme, light or dark.
SEVERITY_STYLES: Mapping[str, str] = MappingProxyType(
    {
        Severity.CRITICAL: "bold red",
        Severity.WARNING: "red",
        Severity.NOTICE: "cyan",
        Severity.OK: "dim",
    }
)
GREW = "yellow"
FELL = "green"
FAILED = "magenta"

_ASCII_SIGNS: Mapping[str, str] = MappingProxyType(
    {"≤": "<=", "…": "...", "▼": "*", "─": "-", "–": "-", "−": "-", "·": "-", "×": "x", "Σ": "sum"}
)
_ASCII = str.maketrans(dict(_ASCII_SIGNS))
_COLOUR = lazy_pattern(r"\x1b\[[0-9;]*m")
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_NEXT_UNIT = 999.5  # three digits round this to 1000
_NARROWEST = 40
_KEPT_SPACE = "\x1f"
"""A control character, which no text from outside holds here: all are cleaned (core/text.py)."""


class TextStyle:
    """Fits text to the width, colours and characters of the reader's terminal."""

    def __init__(self, options: RenderOptions) -> None:
        self.options = options

    def convert(self, text: str) -> str:
        """Replace characters that the terminal cannot show; widths are counted after this."""
        if not self.options.ascii or text.isascii():
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")

    def render(self, text: str, style: str) -> str:
        """Add one of rich's styles (``bold red``), if colours are on."""
        if not (style and self.options.color):
            return text
        from rich.color import ColorSystem
        from rich.style import Style

        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    def width(self, text: str) -> int:
        """The columns of a terminal that the text takes."""
        if text.isascii():
            return len(text)
        from rich.cells import cell_len

        return cell_len(text)

    def number(self, value: int) -> str:
        """Format a count: 15,391 at a terminal, 15391 for anything that reads on."""
        return f"{value:,}" if self.options.is_terminal else str(value)

    def shorten(self, text: str, width: int) -> str:
        """Cut the end of a text that takes more columns than ``width``."""
        text = self.convert(text)
        if self.width(text) <= width:
            return text
        dots = self.convert("…")
        return self._cut(text, max(width - len(dots), 0)) + dots

    def shorten_at_word(self, text: str, width: int) -> str:
        """Cut the end of a sentence that takes more columns than ``width``, after a word."""
        text = self.convert(text)
        shortened = self.shorten(text, width)
        if shortened == text:
            return text
        dots = self.convert("…")
        cut = shortened.removesuffix(dots)
        words = cut if text[len(cut) :].startswith(" ") else cut.rpartition(" ")[0]
        return (words if 2 * self.width(words) > width else cut).rstrip(" ,;:(") + dots

    def shorten_middle(self, text: str, width: int) -> str:
        """Cut the middle of a name: both its ends tell hosts apart, the first one most."""
        text = self.convert(text)
        if self.width(text) <= width:
            return text
        dots = self.convert("…")
        kept = max(width - len(dots), 0)
        end = self._cut(text[::-1], kept // 3)[::-1]
        return self._cut(text, kept - kept // 3) + dots + end

    def _cut(self, text: str, width: int) -> str:
        """The beginning of the text that fits ``width`` columns."""
        if text.isascii():
            return text[:width]
        while text and self.width(text) > width:
            text = text[:-1]
        return text

    def keep(self, text: str) -> str:
        """Make `wrap` break the text nowhere: ``3 held-closed``."""
        return text.replace(" ", _KEPT_SPACE)

    def count_lines(self, text: str) -> int:
        """The lines of the terminal that a text takes; a long line goes on in the next one."""
        columns = self.options.width
        lines = _COLOUR().sub("", text).split("\n")
        if columns is None:
            return len(lines)
        return sum(max(1, -(-self.width(line) // columns)) for line in lines)

    def wrap(self, text: str, *, first: str = "", rest: str = "") -> str:
        """Break the text into lines that fit, behind ``first`` and ``rest``; one line in a pipe."""
        text = self.convert(text)
        if self.options.width is None:
            return first + text.replace(_KEPT_SPACE, " ")
        lines = textwrap.wrap(
            text,
            max(self.options.width, _NARROWEST),
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\n".join(lines).replace(_KEPT_SPACE, " ")

    def encode(self, text: str) -> bytes:
        """Encode the finished output."""
        return text.encode("ascii" if self.options.ascii else "utf-8", "backslashreplace")


def format_memory(size_bytes: int) -> str:
    """Format bytes in the unit that leaves one to three digits: ``344 KiB``."""
    if abs(size_bytes) < 1024:
        return f"{size_bytes} B"
    amount, unit = float(size_bytes), "B"
    for unit in _UNITS:  # noqa: B007 (the unit at which the loop ends is the result)
        amount /= 1024
        if abs(amount) < _NEXT_UNIT:
            break
    return f"{amount:.3g} {unit}" if abs(amount) < _NEXT_UNIT else f"{amount:.0f} {unit}"

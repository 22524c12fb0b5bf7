"""Rows under titles, as wide as the terminal lets them be.

rich's own Table took 0.4 ms a row: 38 s for 100,000 hosts. Here the widths are counted in one pass
and each row is one join; rich gives the styles and the widths of characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...core.record import record
from .style import TextStyle

__all__ = ["Cell", "Column", "columns_that_fit", "format_lines"]

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place."""

    text: str = ""
    style: str = ""


@record
class Column:
    """One column with all its cells; the first of a table names the rows and is never left out."""

    title: str
    cells: Sequence[Cell]
    leave_out: int = 0
    """Where the width is short, the highest goes first; 0 always stays."""
    is_text: bool = False
    """To the left, as names are; numbers stand to the right."""


def columns_that_fit(columns: Sequence[Column], paint: TextStyle) -> list[Column]:
    """The columns without those that have to go for the terminal's width."""
    kept = list(columns)
    if paint.options.width is None:
        return kept
    widths = {column.title: _width(column, paint) for column in columns}
    for column in sorted(columns, key=lambda column: -column.leave_out):
        total = sum(widths[c.title] for c in kept) + len(_GAP) * (len(kept) - 1)
        if column.leave_out == 0 or total <= paint.options.width:
            break
        kept.remove(column)
    return kept


def format_lines(
    columns: Sequence[Column], paint: TextStyle, *, rule_before: int | None
) -> Iterator[str]:
    """The title and the rows; ``rule_before`` draws a line above that row.

    A name that is too long for what the numbers leave is never cut, as two hosts could then look
    like one: it gets a line of its own, and its numbers the next.
    """
    widths = [_width(column, paint) for column in columns]
    others = sum(widths[1:]) + len(_GAP) * (len(columns) - 1)
    if paint.options.width is not None:
        widths[0] = min(widths[0], max(paint.options.width - others, paint.width(columns[0].title)))
    titles = [Cell(column.title, "bold") for column in columns]
    yield _row(titles, columns, widths, paint)
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if number == rule_before:
            yield paint.styled(paint.text("─") * (widths[0] + others), "dim")
        if paint.width(cells[0].text) > widths[0]:
            yield paint.styled(cells[0].text, cells[0].style)
            cells = (Cell(), *cells[1:])
        yield _row(cells, columns, widths, paint)


def _width(column: Column, paint: TextStyle) -> int:
    return max(paint.width(column.title), *(paint.width(c.text) for c in column.cells), 0)


def _row(
    cells: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], paint: TextStyle
) -> str:
    words = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        padding = " " * (width - paint.width(cell.text))
        text = paint.styled(cell.text, cell.style)
        words.append(text + padding if column.is_text else padding + text)
    return _GAP.join(words).rstrip()

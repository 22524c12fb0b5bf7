"""Rows under titles that fit the width of the terminal.

rich's own Table took 0.4 ms a row: 38 s for 100,000 hosts. Here the widths are counted in one pass
and each row is one join; rich gives the styles and the widths of characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...core.record import record
from .style import TextStyle

__all__ = ["EXTRA", "Cell", "Column", "columns_that_fit", "format_lines"]

EXTRA = 9
"""As ``leave_out``: the column goes before any name is shortened."""

_GAP = "  "
_SHORTEST_NAME = 14


class Cell(NamedTuple):
    """One cell of a table."""

    text: str = ""
    style: str = ""


@record
class Column:
    """One column with all its cells; the first one of a table names the rows and always stays."""

    title: str
    cells: Sequence[Cell]
    leave_out: int = 0
    """The order in which columns go from a narrow terminal, the highest first; 0 always stays."""
    is_text: bool = False
    """Whether cells align to the left, as names do; numbers align to the right."""


def columns_that_fit(columns: Sequence[Column], style: TextStyle) -> list[Column]:
    """Leave out columns until the others fit the terminal's width, with short names if need be."""
    kept = list(columns)
    if style.options.width is None:
        return kept
    widths = {column.title: _width(column, style) for column in columns}
    names = columns[0]
    for column in sorted(columns, key=lambda column: -column.leave_out):
        if style.options.is_terminal and column.leave_out < EXTRA and names.is_text:
            shortest = max(_SHORTEST_NAME, style.width(names.title))
            widths[names.title] = min(_width(names, style), shortest)
        total = sum(widths[c.title] for c in kept) + len(_GAP) * (len(kept) - 1)
        if column.leave_out == 0 or total <= style.options.width:
            break
        kept.remove(column)
    return kept


def format_lines(
    columns: Sequence[Column], style: TextStyle, *, rule_before: int | None
) -> Iterator[str]:
    """Yield the titles and the rows, with a line above row ``rule_before``.

    At a terminal a name too long for the width that the numbers leave is cut in its middle. Where
    two hosts would then look alike, and in a pipe, it gets a line of its own, and its numbers the
    next one.
    """
    widths = [_width(column, style) for column in columns]
    others = sum(widths[1:]) + len(_GAP) * (len(columns) - 1)
    names = [cell.text for cell in columns[0].cells]
    if style.options.width is not None:
        widths[0] = min(widths[0], max(style.options.width - others, style.width(columns[0].title)))
        if style.options.is_terminal:
            names = _shorten_names(names, widths[0], style)
            widths[0] = max(
                style.width(columns[0].title),
                *(width for width in map(style.width, names) if width <= widths[0]),
                0,
            )
    titles = [Cell(column.title, "bold") for column in columns]
    yield _row(titles, columns, widths, style)
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if number == rule_before:
            yield style.render(style.convert("─") * (widths[0] + others), "dim")
        first = Cell(names[number], cells[0].style)
        if style.width(first.text) > widths[0]:
            yield style.render(first.text, first.style)
            first = Cell()
        yield _row((first, *cells[1:]), columns, widths, style)


def _shorten_names(names: Sequence[str], width: int, style: TextStyle) -> list[str]:
    short = [style.shorten_middle(name, width) for name in names]
    alike = Counter(short)
    return [name if alike[cut] > 1 else cut for name, cut in zip(names, short, strict=True)]


def _width(column: Column, style: TextStyle) -> int:
    return max(style.width(column.title), *(style.width(c.text) for c in column.cells), 0)


def _row(
    cells: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], style: TextStyle
) -> str:
    words = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        padding = " " * (width - style.width(cell.text))
        text = style.render(cell.text, cell.style)
        words.append(text + padding if column.is_text else padding + text)
    return _GAP.join(words).rstrip()

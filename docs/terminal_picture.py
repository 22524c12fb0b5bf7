"""Draw what a terminal shows as SVG: text in the sixteen standard colours, light or dark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

__all__ = ["draw", "visible_lines"]

_CELL, _LINE, _FONT = 8.0, 18, 13.3
_MARGIN, _BAR = 14, 30
_FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")

# The colours of GitHub's own light and dark themes (primer/primitives, ansi-*).
_THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "card": "#ffffff",
        "edge": "#d1d9e0",
        "bar": "#f6f8fa",
        "text": "#1f2328",
        "dim": "#6e7781",
        "31": "#cf222e",
        "32": "#116329",
        "33": "#9a6700",
        "34": "#0969da",
        "35": "#8250df",
        "36": "#1b7c83",
    },
    "dark": {
        "card": "#0d1117",
        "edge": "#3d444d",
        "bar": "#151b23",
        "text": "#e6edf3",
        "dim": "#848d97",
        "31": "#ff7b72",
        "32": "#3fb950",
        "33": "#d29922",
        "34": "#58a6ff",
        "35": "#bc8cff",
        "36": "#39c5cf",
    },
}


@dataclass(frozen=True)
class _Look:
    colour: str = ""
    is_bold: bool = False
    is_dim: bool = False


@dataclass(frozen=True)
class _Run:
    """Characters of one look, from a column on."""

    column: int
    text: str
    look: _Look


def draw(text: str, *, columns: int, theme: str, title: str = "") -> str:
    """Return the picture of these lines, which hold the terminal's own colour sequences."""
    lines = list(_wrap(text.replace("\r", "").rstrip("\n").split("\n"), columns))
    width = columns * _CELL + 2 * _MARGIN
    height = _BAR + len(lines) * _LINE + _MARGIN
    colours = _THEMES[theme]
    parts = [
        _tag(
            "svg",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width:g} {height:g}",
            width=width,
            height=height,
            role="img",
            aria_label=title,
            ends=False,
        ),
        f"<style>{_style(colours)}</style>",
        _tag(
            "rect",
            x=0.5,
            y=0.5,
            width=width - 1,
            height=height - 1,
            rx=8,
            fill=colours["card"],
            stroke=colours["edge"],
        ),
    ]
    parts += [
        _tag("circle", cx=16 + 14 * number, cy=14, r=4, fill=colours["edge"]) for number in range(3)
    ]
    for number, runs in enumerate(lines):
        y = _BAR + 10 + number * _LINE
        parts += [_draw_run(run, y) for run in runs]
    return "\n".join([*parts, "</svg>"]) + "\n"


def visible_lines(picture: str) -> list[str]:
    """Return the text of a picture, a line for each of the terminal's."""
    lines: dict[str, list[str]] = {}
    for y, text in re.findall(r'<text [^>]*y="([^"]+)"[^>]*>([^<]*)</text>', picture):
        lines.setdefault(y, []).append(text)
    return [" ".join(parts) for parts in lines.values()]


def _draw_run(run: _Run, y: int) -> str:
    names = [name for name, is_set in (("b", run.look.is_bold), ("d", run.look.is_dim)) if is_set]
    names += [f"c{run.look.colour}"] if run.look.colour else []
    # The length keeps columns in line whatever font the viewer has.
    begin = _tag(
        "text", x=_MARGIN + run.column * _CELL, y=y, textLength=len(run.text) * _CELL,
        **({"class": " ".join(names)} if names else {}), ends=False,
    )  # fmt: skip
    return f"{begin}{escape(run.text)}</text>"


def _tag(name: str, *, ends: bool = True, **attributes: object) -> str:
    """A tag with its attributes; ``ends`` means that it has no content."""
    text = ""
    for key, value in attributes.items():
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        text += f' {key.replace("_", "-")}="{escape(shown)}"'
    return f"<{name}{text}{'/' if ends else ''}>"


def _style(colours: Mapping[str, str]) -> str:
    rules = [
        f"text {{ font: {_FONT}px {_FONTS}; fill: {colours['text']}; white-space: pre; }}",
        ".b { font-weight: 700; }",
        f".d {{ fill: {colours['dim']}; }}",
    ]
    rules += [
        f".c{code} {{ fill: {colour}; }}" for code, colour in colours.items() if code.isdigit()
    ]
    return " ".join(rules)


def _wrap(lines: Sequence[str], columns: int) -> Iterator[list[_Run]]:
    """The runs of each line of the terminal; a long line goes on in the next."""
    look = _Look()
    for line in lines:
        runs: list[_Run] = []
        column = at = 0
        for sequence in [*_SEQUENCE.finditer(line), None]:
            text = line[at : sequence.start() if sequence else len(line)]
            while text:
                if column == columns:
                    yield runs
                    runs, column = [], 0
                piece, text = text[: columns - column], text[columns - column :]
                runs += _split(piece, column, look)
                column += len(piece)
            if sequence is not None:
                at = sequence.end()
                if sequence[2] == "m":
                    look = _apply(look, sequence[1])
        yield runs


def _split(text: str, column: int, look: _Look) -> Iterator[_Run]:
    """Leave out the spaces between columns."""
    for word in re.finditer(r"\S+(?: \S+)*", text):
        yield _Run(column + word.start(), word[0], look)


def _apply(look: _Look, codes: str) -> _Look:
    for code in codes.split(";"):
        if code in ("", "0"):
            look = _Look()
        elif code == "1":
            look = replace(look, is_bold=True)
        elif code == "2":
            look = replace(look, is_dim=True)
        elif code in _THEMES["light"]:
            look = replace(look, colour=code)
    return look

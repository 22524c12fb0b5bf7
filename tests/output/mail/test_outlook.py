"""The mail's HTML has only what Word renders, which Outlook for Windows shows mails with.

The lists are what caniemail.com says of Outlook for Windows (its data of 2026-05-13; the names in
comments are its features).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sockfleet.output.mail.message import make_message
from tests.support.history.made_report import planted_report

_CELLS = frozenset({"td", "th"})
_PIXELS = re.compile(r"\d{1,3}px")

ELEMENTS = {
    *("html", "head", "meta", "title", "body"),
    *("table", "tr", *_CELLS),  # html-table
    *("h1", "p", "span", "b"),  # html-h1-h6, html-p, html-span, html-strong
}
ATTRIBUTES = {
    *("lang", "charset", "style", "border"),
    "role",  # html-role
    "width",  # html-width: of tables
    "align",  # html-align
    "cellpadding",  # html-cellpadding
    "cellspacing",  # html-cellspacing
}


def is_on_a_cell(element: str, _value: str) -> bool:
    return element in _CELLS


def is_text_style(_element: str, value: str) -> bool:
    return "rem" not in value and "var(" not in value


def is_colour(_element: str, value: str) -> bool:
    return re.fullmatch(r"#[0-9a-f]{6}", value) is not None


def is_margin(element: str, value: str) -> bool:
    """It is not for spans and the body, and neither negative nor auto."""
    lengths = all(length == "0" or _PIXELS.fullmatch(length) for length in value.split())
    return element in {"p", "h1"} and lengths


STYLES: dict[str, Callable[[str, str], bool]] = {
    "background-color": is_colour,  # css-background-color; css-background has no images
    "color": is_colour,  # css-rgb and css-modern-color are left out
    "font-family": is_text_style,  # css-sytem-ui is left out
    "font-size": is_text_style,  # css-font-size: no rem
    "border-bottom": is_on_a_cell,  # css-border: unreliable on paragraphs
    "border-collapse": lambda element, _: element == "table",  # css-border-collapse
    "margin": is_margin,  # css-margin
    "padding": is_on_a_cell,  # css-padding
}


class Unsupported(HTMLParser):
    """What Word does not render, in the order of the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.found.append(f"<{tag} {name}>")
            if name == "style":
                self._check_style(tag, value or "")

    def _check_style(self, tag: str, text: str) -> None:
        for declaration in filter(None, text.split(";")):
            name, _, value = declaration.partition(":")
            if name not in STYLES or not STYLES[name](tag, value):
                self.found.append(f"<{tag}> {declaration}")


def table_of(report) -> str:
    message = make_message(report, b"page", sender="a@b", recipients=("c@d",))
    part = message.get_body(("html",))
    assert part is not None
    return part.get_content()


@pytest.mark.parametrize("leaks", [0, 24])
@pytest.mark.parametrize("is_made", [False, True])
def test_outlook_renders_everything_of_the_mail(leaks, is_made):
    report = planted_report(60, leaks)
    assert Unsupported(table_of(replace(report, is_made=is_made))).found == []


@pytest.mark.parametrize(
    "html",
    [
        "<svg></svg>",
        "<style>p {}</style>",
        "<div>",
        '<p class="x">',
        '<td style="background-image:url(x)">',
        '<td style="display:flex">',
        '<table style="max-width:10px">',
        '<p style="padding:1px">',
        '<p style="margin:0 auto">',
        '<body style="margin:0">',
        '<td style="color:rgb(0 0 0)">',
    ],
)
def test_what_it_does_not_render_is_found(html):
    assert Unsupported(html).found


def test_every_cell_has_its_font():
    """Word inherits none into a table, and shows its own."""
    cells = re.findall(r"<t[dh][^>]*>", table_of(planted_report(60, 3)))
    assert len(cells) == 1 + 6 * 4
    assert all("font-family" in cell and "font-size" in cell for cell in cells)

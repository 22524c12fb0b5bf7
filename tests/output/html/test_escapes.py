"""No text of a host, inventory or file leaves its place in the page."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path

import pytest

import sockfleet.output
from sockfleet.history.report.model import ApartHost, FleetReport, GrowingNamespace, Holder
from sockfleet.output.html.page import render_page
from tests.support.history.hostile_report import with_texts
from tests.support.history.made_report import planted_report
from tests.support.hostile_text import HOSTILE, assert_harmless_text

BREAKING = (
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "</text></svg><svg onload=alert(1)>",
    '" onload="alert(1)" x=\'',
    "' onload='alert(1)",
    "]]><!-- -->",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;",
)
TEMPLATES = sorted(Path(sockfleet.output.__path__[0]).rglob("*.j2"))


class Structure(HTMLParser):
    """The elements of a page with the names of their attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_decl(self, decl: str) -> None:
        self.elements.append((decl, ()))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ()))


@pytest.fixture(scope="module")
def report() -> FleetReport:
    """A report with something in every part of it."""
    made = planted_report(60, 6)
    holder = Holder(
        command="php", user="www", container="docker 12", tcp_close=9, open_files_limit=2048
    )
    return replace(
        made,
        group_by="rack",
        leaks=tuple(replace(leak, holders=(holder,)) for leak in made.leaks),
        growing_namespaces=(
            GrowingNamespace(
                host="web1", name="docker 12", tcp_close_max=9.0, rate=2.0, since=None
            ),
        ),
        apart=(ApartHost(host="web1", group="web", tcp_close=9.0, median=1.0),),
        recovered=("web1",),
        rebooted=("web1",),
        appeared=("web1",),
        disappeared=("web1",),
    )


def test_the_report_has_every_part(report):
    empty = [name for name in report.__dataclass_fields__ if getattr(report, name) == ()]
    assert empty == []


@pytest.mark.parametrize("text", [*BREAKING, *HOSTILE])
def test_a_text_changes_no_element_and_no_attribute(report, text):
    raw = HOSTILE.get(text, text.encode())
    # Every host has another name, or links would lead to other rows.
    number = iter(range(10**6))
    hostile = raw.decode("utf-8", "replace")[:300]
    names = dict.fromkeys(line.name for line in report.lines)

    def make(old: str) -> str:
        if old in names:
            names[old] = names[old] or f"{hostile}{next(number)}"
            return names[old]
        return hostile

    page = render_page(with_texts(report, make))
    assert Structure(page).elements == Structure(render_page(report)).elements


def test_an_unsafe_character_is_shown_as_its_escape(report):
    texts = cycle([raw.decode("utf-8", "replace")[:300] for raw in HOSTILE.values()])
    page = render_page(with_texts(report, lambda _: next(texts))).decode()
    assert page.count("<script>") == 1
    body = page.partition("</style>")[2].rpartition("<script>")[0]
    assert_harmless_text(body.replace("\u2007", " "))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_everything(template):
    text = template.read_text()
    assert "autoescape" not in text
    assert not re.search(r"\|\s*safe\b", text)
    # Markup that Python makes: charts of numbers, our own style and script.
    assert len(TEMPLATES) == 2

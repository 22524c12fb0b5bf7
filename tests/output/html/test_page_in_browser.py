"""The page of 1,000 hosts in headless Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from sockfleet.history.report.model import FleetReport
from sockfleet.output.html.page import render_page
from sockfleet.output.machine.report_document import report_document
from sockfleet.output.report_sentences import format_change, format_count, format_rate
from tests.support.colour_vision import contrast
from tests.support.history.hostile_report import with_texts
from tests.support.history.made_report import planted_report
from tests.support.hostile_text import HOSTILE
from tests.support.paths import ROOT

pytestmark = pytest.mark.long

CHROMIUM = shutil.which("chromium") or "chromium"
# The last one is for what WCAG does not ask for.
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations", "incomplete"],  # of the many others one for each rule
}


# Of each selector's only element.
COLOURS = """selectors => selectors.map(selector => {
    const [element, ...others] = document.querySelectorAll(selector);
    if (others.length !== 0) throw new Error(selector);
    const parse = text => text.match(/[0-9.]+/g).map(Number);
    const style = getComputedStyle(element);
    const isSvg = element.namespaceURI.endsWith("svg");
    for (let ground = element; ground; ground = ground.parentElement) {
        const [red, green, blue, alpha] = parse(getComputedStyle(ground).backgroundColor);
        if (alpha !== 0)
            return [parse(isSvg ? style.fill : style.color).slice(0, 3), [red, green, blue]];
    }
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Root has no sandbox of Chromium's; the pages are our own files.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report() -> FleetReport:
    return planted_report()


@pytest.fixture(scope="module")
def file(report, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(render_page(report))
    return path


class Watched:
    """A page, with what it logged and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._log)
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", self._request)

    def _log(self, message: ConsoleMessage) -> None:
        self.messages.append(message.text)

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)


@pytest.fixture
def open_page(browser, file) -> Iterator:
    """Open the page, or another file, with settings of the browser's context."""
    contexts = []

    def call(path: Path = file, **settings: object) -> Watched:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **settings)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto(path.as_uri())
        return watched

    yield call
    for context in contexts:
        context.close()


def texts(page: Page, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


def visible_names(page: Page) -> list[str]:
    """The hosts of the table's rows that are shown."""
    script = "rows => rows.filter(r => !r.hidden).map(r => r.cells[1].textContent.trim())"
    return page.locator("#hosts tbody tr").evaluate_all(script)


def test_cards_and_rows_show_what_the_json_says(open_page, report):
    document = json.loads(json.dumps(report_document(report)))
    page = open_page().page
    assert texts(page, "h1") == [document["verdict"]]
    assert document["verdict"].startswith("Ten hosts leak sockets.")
    cards = page.locator("#leaks article")
    assert cards.count() == len(document["leaks"]) == 10
    for number, leak in enumerate(document["leaks"]):
        card = " ".join(cards.nth(number).inner_text().split())
        low, high = format_rate(leak["per_hour_low"]), format_rate(leak["per_hour_high"])
        assert leak["host"] in card
        assert f"{format_rate(leak['per_hour'])} / h" in card
        assert f"{low} to {high}" in card
        assert format_count(leak["tcp_close"]) in card.split()
    rows = page.locator("#hosts tbody tr").evaluate_all(
        "rows => rows.slice(0, 100).map(r => Array.from(r.cells, c => c.textContent.trim()))"
    )
    for cells, line in zip(rows, document["host_lines"][:100], strict=True):
        assert cells[1] == line["host"]
        assert cells[2] == ", ".join(line["groups"][:2])
        assert cells[3] == line["kind"]
        assert cells[4] == format_count(line["tcp_close"])
        assert cells[5] == format_change(line["day_change"])
        assert cells[6] == format_change(line["change"])
        assert cells[7] == format_rate(line["per_hour"])


def test_it_loads_nothing_and_logs_nothing_and_its_policy_is_in_force(open_page, file):
    opened = open_page()
    opened.page.wait_for_load_state("networkidle")
    assert (opened.requests, opened.messages) == ([file.as_uri()], [])
    ran = opened.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            const image = new Image();
            image.src = "https://example.org/x.png";
            document.body.append(image);
            return window.ran === true;
        }"""
    )
    assert not ran
    assert any("Content Security Policy" in message for message in opened.messages)
    assert file.stat().st_size < 700_000


def test_the_table_is_searched_sorted_filtered_and_paged_by_keyboard(open_page, report):
    page = open_page().page
    assert len(visible_names(page)) == 100
    page.locator("#find").focus()
    page.keyboard.type(report.leaks[0].host[:9])
    assert visible_names(page) == [report.leaks[0].host]
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.locator("[data-state=leak]").focus()
    page.keyboard.press("Enter")
    assert sorted(visible_names(page)) == sorted(leak.host for leak in report.leaks)
    assert page.locator("#count").inner_text() == "10 of 1000 hosts"
    page.keyboard.press("Space")
    page.locator("#hosts th button", has_text="Held closed").focus()
    page.keyboard.press("Enter")
    largest = sorted(report.lines, key=lambda line: -(line.tcp_close or 0))[:100]
    shown = {line.name: line.tcp_close for line in report.lines}
    assert [shown[name] for name in visible_names(page)] == [line.tcp_close for line in largest]
    page.locator("#on").focus()
    page.keyboard.press("Enter")
    assert len(visible_names(page)) == 100
    assert page.locator("#page").inner_text() == "page 2 of 10"


def test_the_theme_is_switched_and_a_chart_is_read_by_keyboard(open_page, report):
    page = open_page(color_scheme="light").page
    color = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(color)
    page.locator("#theme").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(color) != light
    page.keyboard.press("Enter")
    assert page.evaluate(color) == light
    page.locator("#leaks svg").first.focus()
    page.keyboard.press("ArrowLeft")
    last = report.leaks[0].course.values[-1]
    tip = page.locator("#leaks .tip").first.inner_text()
    assert tip.endswith("not read" if last is None else f": {last:,.0f}")


def test_a_link_leads_to_a_row_on_another_page(open_page, report):
    page = open_page().page
    page.locator("#changes a").first.click()
    page.wait_for_function("() => !document.querySelector(location.hash).hidden")
    assert page.locator("#changes a").first.inner_text() in visible_names(page)


def test_everything_is_there_without_scripts(open_page, report):
    page = open_page(java_script_enabled=False).page
    assert page.locator("#hosts tbody tr").count() == len(report.lines) == 1000
    assert page.locator("#hosts tbody tr").last.is_visible()
    assert page.locator("#leaks svg[role=img]").first.is_visible()
    assert not page.locator("#find").is_visible()


def measure_contrasts(page: Page, selectors: list[str]) -> dict[str, float]:
    """The contrast of each element's text, of SVG too, with the nearest ground behind it."""
    colours = page.evaluate(COLOURS, selectors)
    return {
        selector: contrast(*(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in pair))
        for selector, pair in zip(selectors, colours, strict=True)
    }


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(open_page, scheme, width):
    page = open_page(color_scheme=scheme).page
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("details summary").first.click()
    result = Axe().run(page, options=AXE).response
    engine = "{name} {version}".format(**result["testEngine"])
    assert engine in (ROOT / "docs/reports.md").read_text()
    violations = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in result["violations"]]
    assert violations == []
    # axe decides no contrast in an SVG, nor of a single character: it is measured here.
    assert {one["id"] for one in result["incomplete"]} == {"color-contrast"}
    undecided = [node["target"][0] for one in result["incomplete"] for node in one["nodes"]]
    assert len(undecided) > 100
    contrasts = measure_contrasts(page, undecided)
    assert {target: ratio for target, ratio in contrasts.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_is_wider_than_the_window(open_page, width):
    page = open_page().page
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1280, 500])
def test_the_text_of_charts_is_large_enough_to_read(open_page, width):
    page = open_page().page
    page.set_viewport_size({"width": width, "height": 900})
    sizes = page.locator("svg.chart text").evaluate_all(
        """texts => texts
            .filter(text => getComputedStyle(text).display !== "none")
            .map(text => parseFloat(getComputedStyle(text).fontSize)
                * text.ownerSVGElement.getScreenCTM().a)"""
    )
    assert len(sizes) > 100
    assert min(sizes) >= 9.5  # pixels


def test_the_print_is_readable(open_page, tmp_path, report):
    pdf = tmp_path / "report.pdf"
    open_page().page.pdf(path=pdf)
    printed = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "Ten hosts leak sockets." in " ".join(printed.split())
    for line in (report.lines[0], report.lines[-1]):
        assert line.name in printed
    assert "Find" not in printed


def test_a_quiet_fleet_is_calm(open_page, tmp_path):
    calm = planted_report(40, 0, seed=3)
    calm = replace(calm, leaks=(), new_leaks=0, failed=())
    path = tmp_path / "calm.html"
    path.write_bytes(render_page(replace(calm, counts=())))
    page = open_page(path).page
    assert texts(page, "h1")[0].startswith("Nothing leaks: ")
    assert "Nothing to do." in texts(page, "#leaks")[0]


def test_hostile_names_stay_text(open_page, tmp_path):
    names = [text.decode("utf-8", "replace")[:300] for text in HOSTILE.values()]
    names += ["</style><script>alert(1)</script>", "</title>", "{{ 7 * 7 }}", "' onload='x", "]]>"]
    report = planted_report(len(names))
    every = cycle(names)
    hostile = with_texts(report, lambda _: next(every))
    # Each host has a name of its own: links lead to rows by it.
    named = zip(report.lines, names, strict=True)
    hostile = replace(hostile, lines=tuple(replace(line, name=name) for line, name in named))
    path = tmp_path / "hostile.html"
    path.write_bytes(render_page(hostile))
    opened = open_page(path)
    assert (opened.requests, opened.messages) == ([path.as_uri()], [])
    assert opened.page.locator("script").count() == 1
    assert opened.page.locator("#hosts tbody tr").count() == len(names)
    assert opened.page.evaluate("Array.from(document.images).length") == 0
    shown = opened.page.locator("#hosts tbody tr td:nth-child(2)").all_text_contents()
    assert "</style><script>alert(1)</script>" in shown

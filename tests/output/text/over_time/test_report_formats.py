"""Hostile names in a report's text and Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockfleet.output.formats import RenderOptions
from sockfleet.output.text.over_time.report_markdown import render_markdown
from sockfleet.output.text.over_time.report_text import render_text
from tests.support.history.hostile_report import with_texts
from tests.support.history.made_report import planted_report
from tests.support.hostile_text import HOSTILE, assert_harmless


@pytest.fixture(scope="module")
def report():
    return replace(planted_report(60, 6), recovered=("web1",), group_by="rack")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [40, 80, None])
def test_a_hostile_name_is_harmless(report, name, width):
    hostile = HOSTILE[name].decode("utf-8", "replace")[:300]
    bad = with_texts(report, lambda _: hostile)
    options = RenderOptions(width=width, is_terminal=width is not None)
    assert_harmless(render_text(bad, options))
    markdown = assert_harmless(render_markdown(bad).replace("\u2007".encode(), b" "))
    assert "<script>" not in markdown
    # A cell that would end at an unescaped bar gives its row another number of cells.
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}


def test_a_pipe_gets_ascii_where_its_reader_has_no_more(report):
    render_text(report, RenderOptions(ascii=True, width=80)).decode("ascii")

"""The colours of the page: apart for every vision, and readable on what is behind them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import sockfleet.output.html
from tests.support.colour_vision import VISIONS, contrast, difference, smallest_difference

CSS = Path(sockfleet.output.html.__path__[0]) / "templates" / "report.css"
BANDS = tuple(f"band-{number}" for number in range(7))
APART = 12.0
"""CIEDE2000: two areas of a chart that differ by 10 are told apart at a glance."""


def colours_of(begin: str) -> dict[str, str]:
    """The colours that the rule with this begin sets."""
    _, found, rest = CSS.read_text().partition(begin)
    assert found
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", rest.partition("}")[0]))


LIGHT = colours_of(":root {")
DARK = LIGHT | colours_of(':root[data-theme="dark"] {')
THEMES = {"light": LIGHT, "dark": DARK}


def test_the_dark_theme_is_the_same_by_the_browser_and_by_the_button():
    by_browser = colours_of(':root:not([data-theme="light"]) {')
    assert by_browser == colours_of(':root[data-theme="dark"] {')


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", THEMES)
def test_the_bands_of_the_fleet_are_told_apart(theme, vision):
    colours = [THEMES[theme][band] for band in BANDS]
    assert smallest_difference(colours, vision) >= APART


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", THEMES)
def test_a_leak_is_told_from_what_was_before_it(theme, vision):
    assert smallest_difference([THEMES[theme]["alarm"], THEMES[theme]["soft"]], vision) >= APART


@pytest.mark.parametrize("theme", THEMES)
def test_what_a_chart_shows_stands_out_from_its_card(theme):
    """3:1, as WCAG 2.1 wants of graphics (1.4.11)."""
    colours = THEMES[theme]
    for name in (*BANDS, "alarm", "soft", "warn"):
        assert contrast(colours[name], colours["card"]) >= 3, name


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_what_is_behind_it(theme):
    """4.5:1, as WCAG 2 wants of text of this size (1.4.3)."""
    colours = THEMES[theme]
    pairs = [
        *((ink, paper) for ink in ("ink", "soft", "link", "alarm") for paper in ("paper", "card")),
        *((ink, "head") for ink in ("head-ink", "head-soft", "alarm-head")),
        *((f"{word}", f"{word}-soft") for word in ("alarm", "warn", "calm")),
        ("ink", "calm-soft"),
        ("card", "ink"),
    ]
    assert {
        pair: contrast(*(colours[name] for name in pair))
        for pair in pairs
        if contrast(*(colours[name] for name in pair)) < 4.5
    } == {}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Pairs 1, 7, 17 and 25 of the data of Sharma, Wu and Dalal.
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_difference_is_ciede2000(one, other, expected):
    assert round(difference(np.array(one), np.array(other)), 4) == expected

"""bench/RESULTS.md and the README's picture: how the benchmarks write them; both are there."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
import results
from cost_plot import draw
from peers import PEERS

from tests.support.paths import ROOT

SVG = "{http://www.w3.org/2000/svg}"


def section(name: str, *lines: str) -> str:
    return "\n".join([f"<!-- bench:{name} -->", *lines, f"<!-- /bench:{name} -->", ""])


def test_a_section_is_replaced_and_the_rest_is_kept(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text(f"# Results\n\n{section('a', 'old')}by hand\n{section('b', 'kept')}")
    results.write_section("a", ["new", "lines"], path)
    assert path.read_text() == (
        f"# Results\n\n{section('a', 'new', 'lines')}by hand\n{section('b', 'kept')}"
    )


def test_a_new_section_is_appended(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n")
    results.write_section("a", ["new"], path)
    assert path.read_text() == f"# Results\n\n## a\n{section('a', 'new')}"


@pytest.mark.parametrize(
    "text",
    ["<!-- bench:a -->\n", "<!-- /bench:a -->\n<!-- bench:a -->\n", section("a") * 2],
)
def test_unpaired_marks_are_refused(tmp_path, text):
    path = tmp_path / "RESULTS.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="not one pair of <!-- bench:a --> and <!-- /bench:a -->"):
        results.write_section("a", ["new"], path)
    assert path.read_text() == text


def test_every_section_of_results_names_its_command():
    text = (ROOT / "bench" / "RESULTS.md").read_text()
    names = re.findall(r"(?m)^<!-- bench:(\w+) -->$", text)
    assert names
    assert re.findall(r"(?m)^<!-- /bench:(\w+) -->$", text) == names
    assert {"compare", "budgets"} <= set(names)
    for name in names:
        assert (ROOT / "bench" / f"{name}.py").exists()
        assert re.search(rf"<!-- bench:{name} -->\n`\./dev bench {name}\b[^\n]*`, \d{{4}}-", text)


def test_the_picture_has_a_bar_for_each_client_and_marks_ours():
    root = ET.fromstring(draw({"sockfleet": [0.8, 0.9], "ssh & co": [8.0, 9.0]}))
    assert [text.text for text in root.iter(f"{SVG}text") if "name" in text.get("class", "")] == [
        "sockfleet",
        "ssh & co",
    ]
    _card, *rectangles = root.iter(f"{SVG}rect")
    bars = {bar.get("class"): float(bar.get("width")) for bar in rectangles}
    assert bars["our-bar"] < bars["bar"]


def test_the_committed_picture_is_complete():
    root = ET.parse(ROOT / "docs" / "images" / "cost.svg").getroot()
    names = [t.text for t in root.iter(f"{SVG}text") if t.get("class", "").startswith("name")]
    _card, *bars = root.iter(f"{SVG}rect")
    assert len(names) == len(bars) > 8
    assert {"sockfleet", "asyncssh", "paramiko", "ssh", "ansible raw"} <= set(names) <= {*PEERS}

"""Inventories and patterns must give the same hosts in sockfleet and in ansible-core."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from sockfleet.core.errors import UsageError
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.patterns import select
from sockfleet.inventory.sources.load import load_inventory
from sockfleet.inventory.sources.merge import INTERNAL_VARIABLES
from tests.support.inventory.ansible_reference import make_listing, remove_additions, run_ansible
from tests.support.inventory.generated_inventories import Files, project
from tests.support.made_examples import make_examples
from tests.support.paths import CORPUS

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

INVENTORIES = sorted(path.name for path in CORPUS.iterdir())


def question(case: str) -> dict[str, Any]:
    """A case's folder is the current one; SOURCES names its sources, by default all hosts*."""
    folder = CORPUS / case
    named = folder / "SOURCES"
    if named.exists():
        sources = named.read_text().splitlines()
    else:
        sources = sorted(path.name for path in folder.iterdir() if path.name.startswith("hosts"))
    return {"cwd": str(folder), "sources": sources}


@pytest.fixture(scope="module")
def ansible_answers() -> dict[str, dict[str, Any]]:
    return dict(
        zip(INVENTORIES, run_ansible([question(case) for case in INVENTORIES]), strict=True)
    )


@pytest.mark.parametrize("case", INVENTORIES)
def test_corpus(
    case: str, ansible_answers: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    case_question = question(case)
    monkeypatch.chdir(case_question["cwd"])
    inventory = load_inventory(case_question["sources"])
    assert "error" not in ansible_answers[case], ansible_answers[case]["error"]
    assert make_listing(inventory) == remove_additions(ansible_answers[case]["listing"])


def test_made_up_inventories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    projects = make_examples(project(), 150)
    questions = [
        {"cwd": str(_write(tmp_path / str(number), files)), "sources": sources}
        for number, (files, sources) in enumerate(projects)
    ]
    for made, one, theirs in zip(projects, questions, run_ansible(questions), strict=True):
        monkeypatch.chdir(one["cwd"])
        try:
            ours = make_listing(load_inventory(one["sources"]))
        except InventoryError as error:
            assert "error" in theirs, f"only we refuse it: {error}: {made}"
            continue
        assert "error" not in theirs, f"only Ansible refuses it: {theirs}: {made}"
        assert ours == remove_additions(theirs["listing"]), made


def _write(folder: Path, files: Files) -> Path:
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


FLEET = """
u1
localhost
[g1]
h1
h2
h3.example
[g2]
h2
k1
2001:db8::1
[web-x]
w[01:12].example.com
[both]
h1
w01.example.com
[prod:children]
g1
g2
[h2x]
same
[same2]
u1b
[empty]
"""

WORDS = [
    *("all", "*", "h1", "h2", "h?", "h*", "*.example*", "g1", "g2", "g*", "prod", "web-x", "both"),
    *("w0[1-3]*", "w[!0]*", "~h[12]", "~g[12]$", "~w0", "~(", "~", "[", "h[12]", "same", "a.b"),
    *("nosuch", "empty", "ungrouped", "localhost", "127.0.0.1", "::1", "2001:db8::1"),
    *("w0[1:3].example.com", "w01.example.com:22"),
]
SUBSCRIPTS = [
    *("[0]", "[-1]", "[1:2]", "[0:]", "[2:0]", "[0:0]", "[1-2]", "[99]", "[5:99]", "[-99]"),
    *("[:2]", "[1:-1]", "[a]"),
]

parts = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "!", "&"]),
    st.sampled_from(WORDS),
    st.sampled_from(["", "", "", *SUBSCRIPTS]),
)
patterns = st.builds(
    lambda chosen, between: between.join(chosen),
    st.lists(parts, min_size=1, max_size=4),
    st.sampled_from([",", ":", ", ", " ", ",:"]),
) | st.text("gh12[]:,!&*?~-. alx", max_size=12)


def test_made_up_limits(tmp_path: Path) -> None:
    limits = list(dict.fromkeys(make_examples(patterns, 600)))
    (tmp_path / "hosts").write_text(FLEET)
    inventory = load_inventory([str(tmp_path / "hosts")])
    limit_question = {"cwd": str(tmp_path), "sources": ["hosts"], "limits": limits}
    theirs = run_ansible([limit_question])[0]["limits"]
    for limit in limits:
        try:
            ours = list(select(inventory, limit))
        except UsageError:
            ours = []
        # Where Ansible fails (None), sockfleet raises UsageError: no host in both.
        assert ours == (theirs[limit] or []), limit


def test_limits_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(FLEET)
    (tmp_path / "retry").write_text("h1\n\n  g2[0:1] \n!h2\nnosuch\n")
    inventory = load_inventory([str(tmp_path / "hosts")])
    limits = [f"@{tmp_path}/retry", f"u1,@{tmp_path}/retry", f"@{tmp_path}/retry,!h1"]
    limit_question = {"cwd": str(tmp_path), "sources": ["hosts"], "limits": limits}
    theirs = run_ansible([limit_question])[0]["limits"]
    for limit in limits:
        found = theirs[limit] or []
        if found:
            assert list(select(inventory, limit)) == found
        else:
            with pytest.raises(UsageError):
                select(inventory, limit)
    assert theirs[limits[1]] == ["u1", "h1", "k1"]


def test_internal_variables_are_those_that_ansible_hides() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from ansible.constants import *; print(*INTERNAL_STATIC_VARS)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(done.stdout.split()) == INTERNAL_VARIABLES

"""docs/images: the pictures of terminals are those that docs/make_pictures.py draws."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from tests.support.paths import ROOT

IMAGES = ROOT / "docs/images"
NAMES = [
    f"{subject}-{columns}" for subject in ("scan", "repeat", "help") for columns in (80, 120, 200)
]


def test_the_pictures_are_those_of_the_command():
    words = [sys.executable, str(ROOT / "docs/make_pictures.py"), "--check"]
    for name in ("scan-80", "repeat-80", "help-80"):
        words += ["--only", name]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), "run python docs/make_pictures.py"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_shows_the_answer(name, theme):
    texts = ET.parse(IMAGES / f"{name}-{theme}.svg").iter("{http://www.w3.org/2000/svg}text")
    shown = " ".join(text.text or "" for text in texts)
    if name.startswith("help"):
        assert "--repeat" in shown
        return
    for words in ("shop3", "shop2", "shop1", "shop3 holds 15,391 closed sockets"):
        assert words in shown
    assert "-l shop3,shop2,shop1 --processes" in shown

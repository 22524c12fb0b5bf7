"""CONTRIBUTING.md names files and folders that exist, and so do docstrings and comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator

from tests.support.paths import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
FOLDERS = sorted(path.parent.name for path in ROOT.glob("*/py.typed"))
CODE = (*FOLDERS, "bench", "docs", "tests")
NAMED = re.compile(
    rf"(?<![\w./<~-])(?:(?:{'|'.join((*CODE, 'examples'))})/[\w./-]*\w|[\w/-]+\.md)(?![\w*<])"
)
"""A path below a folder of the repository, or any Markdown file; NAME stands for any name."""


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_map_names_files_that_exist():
    rows = re.findall(
        r"^\| (?!change|---)(.+?) \| (.+) \|$",
        section("Which files a change touches"),
        re.MULTILINE,
    )
    assert len(rows) > 20
    for change, files in rows:
        named = re.findall(r"`([\w./-]+(?:/|\.\w+))`", files)
        assert named, change
        assert [name for name in named if not (ROOT / name).exists()] == [], change


def test_every_folder_of_the_product_is_described():
    described = set(re.findall(r"`([\w/]+)/`", section("Where things are")))
    assert set(FOLDERS) <= described
    top = {name for name in described if name.split("/")[0] in CODE}
    assert [name for name in top if not (ROOT / name).is_dir()] == []
    inner = {f"collector/{path.parent.name}" for path in (ROOT / "collector").glob("*/__init__.py")}
    assert inner <= described


def test_the_layers_are_those_of_the_import_contract():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [c["layers"] for c in contracts if c["name"] == "data flows one way"]
    (line,) = re.findall(r"^`core` → .*$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", line) == [
        layer.removeprefix("sockfleet.")
        for each in reversed(layers)
        for layer in reversed(each.split(" | "))
    ]


def test_every_file_that_the_page_docstrings_and_comments_name_exists():
    texts = {"CONTRIBUTING.md": PAGE}
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text()
            if "corpus" not in path.parts and NAMED.search(source):
                texts[str(path.relative_to(ROOT))] = "\n".join(prose(source))
    assert len(texts) > 40
    missing = [
        f"{path}: {name}"
        for path, text in texts.items()
        for name in NAMED.findall(text)
        if not (ROOT / name.removesuffix("/NAME")).exists()
    ]
    assert missing == []


def prose(source: str) -> Iterator[str]:
    """The comments, and the strings that are statements of their own: docstrings."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)

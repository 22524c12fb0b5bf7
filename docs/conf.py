"""Sphinx makes the documentation site from the Markdown pages of this folder: ./dev docs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.sql import SqlLexer
from sphinx import addnodes
from sphinx.highlighting import lexers
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = METADATA["name"]
release = version = METADATA["version"]
author = "the sockfleet authors"
copyright = author  # noqa: A001 (Sphinx's name for it)

extensions = ["myst_parser"]
# docs/pypi.md is the README, for the package index.
exclude_patterns = ["_build", "pypi.md"]
# Links go to headings of pages, as a code host shows them.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"sockfleet {release}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b3401b", "color-brand-content": "#1f5fbf"},
    "dark_css_variables": {"color-brand-primary": "#ff8f66", "color-brand-content": "#7fb0ff"},
}

# Queries with the variables of Grafana.
lexers["grafana"] = SqlLexer()

PAGE_OF_FILE = {"bench/RESULTS": "results", "CHANGELOG": "changelog"}
"""The pages that show a file of the repository from outside of this folder."""


class LinkToPage(SphinxPostTransform):
    """Let ``../bench/RESULTS.md``, which is right in the repository, lead to the site's page."""

    # Before MyST's resolver (9), to which a file outside of this folder is unknown.
    default_priority = 5

    def run(self, **_: object) -> None:
        for link in self.document.findall(addnodes.pending_xref):
            target = str(link["reftarget"]).removesuffix(".md")
            for name, page in PAGE_OF_FILE.items():
                if target in (name, f"../{name}", str(ROOT / name)):
                    link["refdomain"], link["reftarget"] = "doc", page
                    link["reftargetid"] = None


def setup(app: Sphinx) -> None:
    app.add_post_transform(LinkToPage)

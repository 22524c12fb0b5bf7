"""Write docs/pypi.md, the README as the package index shows it.

Usage: python docs/make_pypi.py [--check]. The index has no files of the repository: a link to one
leads to the repository that pyproject.toml names (urls.Source), and is plain text without it; of a
picture its description remains then. A test runs the check.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("pypi.md")

_PICTURE = re.compile(
    r"<picture>.*?<img alt=\"([^\"]*)\" src=\"([^\"]*)\">\s*</picture>", re.DOTALL
)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def format_page(readme: str, source: str | None) -> str:
    """Return the README with links that work outside of the repository."""

    def replace(match: re.Match[str]) -> str:
        is_picture, text, target = match.groups()
        if source is None:
            return f"*{text}.*" if is_picture else text
        kind = "raw" if is_picture else "blob"
        return f"{is_picture}[{text}]({source}/{kind}/HEAD/{target})"

    # The index shows no picture for dark screens.
    return _LINK.sub(replace, _PICTURE.sub(r"![\1](\2)", readme))


def main() -> int:
    """Write the page, or with --check say by the exit code whether it is up to date."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = format_page(readme, project.get("urls", {}).get("Source"))
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

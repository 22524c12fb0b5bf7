"""Write docs/pypi.md, the README as the package index shows it.

Usage: python docs/make_pypi.py [--check]. The index has no files of the repository: a link to one
leads to the repository that pyproject.toml names (urls.Source), and is plain text without it; a
picture is left out then. A test runs the check.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("pypi.md")

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def format_page(readme: str, source: str | None) -> str:
    """Return the README with links that work outside of the repository."""

    def replace(match: re.Match[str]) -> str:
        is_picture, text, target = match.groups()
        if source is None:
            return "" if is_picture else text
        kind = "raw" if is_picture else "blob"
        return f"{is_picture}[{text}]({source}/{kind}/HEAD/{target})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(replace, readme))


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

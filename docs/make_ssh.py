"""Write the table of docs/ssh.md from the keywords that the code knows.

Usage: python docs/make_ssh.py [--check]. A test runs the check, so that the page is never older
than the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sockfleet.inventory.ssh_options.keyword_table import KEYWORDS, Keyword

PAGE = Path(__file__).with_name("ssh.md")
BEGIN, END = "<!-- table of keywords: begin -->\n", "<!-- table of keywords: end -->\n"


def format_row(keyword: Keyword) -> str:
    values = ", ".join(sorted(keyword.harmless))
    accepted = f"; harmless: `{values}`" if values else ""
    return f"| `{keyword.name}` | {keyword.effect} | {keyword.reason}{accepted} |\n"


def format_page(text: str) -> str:
    """Return the page with the table of today's keywords."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    rows = "".join(format_row(KEYWORDS[name]) for name in sorted(KEYWORDS))
    return (
        f"{before}{BEGIN}| Keyword | Effect | How far, or why |\n|---|---|---|\n{rows}{END}{after}"
    )


def main() -> int:
    """Write the page, or with --check say by the exit code whether it is up to date."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(format_page(text) != text)
    PAGE.write_text(format_page(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Write docs/options.md: every option of every command.

Usage: python docs/make_options.py [--check]. The page is made from the commands themselves; a test
runs the check.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from sockfleet.cli.command_table import load_command, runnable_commands
from sockfleet.cli.help_screen import grouped_options
from sockfleet.cli.main import cli

PAGE = Path(__file__).with_name("options.md")

BEGIN, END = "<!-- options: begin -->\n", "<!-- options: end -->\n"


def format_text(text: str) -> str:
    """One line for a cell of a table; what Markdown would read as its own stays as it is."""
    text = " ".join(text.replace("\b", "").split())
    text = re.sub(r"(?<![`\w])(--?[a-z][a-z-]*|[A-Z]+_[A-Z_]+)(?![`\w])", r"`\1`", text)
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def format_option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    names, text = record
    variable = f"`{option.envvar}`" if option.envvar else ""
    return f"| `{names.replace('|', chr(92) + '|')}` | {format_text(text)} | {variable} |\n"


def format_command(name: str) -> Iterator[str]:
    command = load_command(name)
    parent = click.Context(cli, info_name="sockfleet")
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n## sockfleet {name}\n\n{command.get_short_help_str(200)}\n"
    yield f"\n```text\nsockfleet {name} {usage}\n```\n"
    groups = list(grouped_options(command, context))
    for title, options in groups:
        if len(groups) > 1:
            yield f"\n**{title}**\n"
        yield "\n| Option | What it does | Variable |\n|---|---|---|\n"
        for option in options:
            yield format_option(option, context)


def format_page(text: str) -> str:
    """Return the page with the options of today's commands."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    options = "".join(part for name in runnable_commands() for part in format_command(name))
    return f"{before}{BEGIN}{options}\n{END}{after}"


def main() -> int:
    """Write the page, or with --check say by the exit code whether it is up to date."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(format_page(text) != text)
    PAGE.write_text(format_page(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

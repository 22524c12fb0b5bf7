"""How a result is to look on this standard output."""

from __future__ import annotations

import codecs
import os
import shutil
import sys

from ...output.formats import NextCommands, RenderOptions

__all__ = ["render_options"]


def render_options(
    color: str,
    *,
    top: int | None = None,
    show_all: bool = True,
    failures: bool = False,
    commands: NextCommands | None = None,
) -> RenderOptions:
    """How a result is to look on this standard output.

    COLUMNS and LINES overrule the terminal's size, as for other programs; NO_COLOR
    (https://no-color.org) and TERM=dumb turn colour off unless ``color`` is "always". Without
    ``show_all`` a table has as many lines as the terminal, less one for the shell's prompt.
    """
    out = sys.stdout
    is_terminal = out is not None and out.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    named = os.environ.get("COLUMNS", "").isdecimal()
    size = shutil.get_terminal_size()
    return RenderOptions(
        width=size.columns if is_terminal or named else None,
        height=size.lines - 1 if is_terminal and not show_all else None,
        is_terminal=is_terminal,
        color=color == "always" or (color == "auto" and is_terminal and not plain),
        ascii=_output_encoding() != "utf-8",
        top=top,
        failures=failures,
        commands=commands,
    )


def _output_encoding() -> str:
    try:
        return codecs.lookup(sys.stdout.encoding).name
    except (AttributeError, LookupError, TypeError):
        return "ascii"

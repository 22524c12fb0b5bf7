"""How a result is to look on this standard output."""

from __future__ import annotations

import codecs
import os
import shutil
import sys

from ..output.formats import RenderOptions

__all__ = ["render_options"]


def render_options(color: str, *, top: int | None = None) -> RenderOptions:
    """How a result is to look on this standard output.

    COLUMNS overrules the terminal's width, as for other programs; NO_COLOR (https://no-color.org)
    and TERM=dumb turn colour off unless ``color`` is "always".
    """
    out = sys.stdout
    is_terminal = out is not None and out.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    named = os.environ.get("COLUMNS", "").isdecimal()
    return RenderOptions(
        width=shutil.get_terminal_size().columns if is_terminal or named else None,
        color=color == "always" or (color == "auto" and is_terminal and not plain),
        ascii=_output_encoding() != "utf-8",
        top=top,
    )


def _output_encoding() -> str:
    try:
        return codecs.lookup(sys.stdout.encoding).name
    except (AttributeError, LookupError, TypeError):
        return "ascii"

"""``-o [FORMAT:]FILE`` and ``--mode``: the output files, checked before any host is contacted."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...core.errors import UsageError
from ...core.record import record
from ...output.atomic_file import find_foreign, is_special
from ...output.formats import Format, format_for_suffix, load_format

__all__ = ["OutputFile", "check_writable", "parse_mode", "parse_output"]


@record
class OutputFile:
    """One ``-o``: a file and the format for it."""

    path: Path
    format: Format


def parse_output(text: str) -> OutputFile:
    """Read ``[FORMAT:]FILE`` and see that the file can be written.

    Raises UsageError for an unknown format or suffix, and for what `check_writable` finds.
    """
    prefix, colon, rest = text.partition(":")
    if colon and _is_format(prefix):
        path, chosen = Path(rest), load_format(prefix)
    else:
        path, chosen = Path(text), format_for_suffix(text)
    check_writable(f"-o {text}", path)
    return OutputFile(path=path, format=chosen)


def check_writable(option: str, path: Path) -> None:
    """See that a file can be written; raises UsageError, which begins with ``option``.

    It is for a missing or closed folder, a folder in place of the file, and another user's file,
    link or FIFO in a folder that everybody can write to.
    """
    if path.is_dir():
        raise UsageError(f"{option}: {path} is a folder; name a file in it")
    try:
        foreign, folder = find_foreign(path), path.resolve().parent
    except FileNotFoundError:  # os.getcwd(), of a relative path
        raise UsageError(f"{option}: the working folder no longer exists") from None
    if foreign is not None:
        raise UsageError(f"{option}: {path} is {foreign}")
    if not folder.is_dir():
        raise UsageError(f"{option}: there is no folder {folder}")
    if not os.access(path if is_special(path) else folder, os.W_OK):
        raise UsageError(f"{option}: no permission to write there")


def parse_mode(text: str | None) -> int | None:
    """``--mode``: rights as chmod takes them in octal; raises UsageError."""
    if text is None:
        return None
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise UsageError(f"--mode {text}: expected rights in octal, such as 0640")
    return int(text, 8)


def _is_format(name: str) -> bool:
    try:
        load_format(name)
    except UsageError:
        return False
    return True

"""Executable sources: a program that prints the inventory with ``--list``."""

from __future__ import annotations

import errno
from pathlib import Path

from ..errors import InventoryError
from .files import decode_text
from .json_listing import read_listing
from .subprocess import one_line, run_child
from .unresolved import UnresolvedInventory
from .yaml_text import parse_yaml

__all__ = ["read_script"]


def read_script(draft: UnresolvedInventory, where: str) -> bool:
    """Run ``FILE --list`` and add what it prints; False when the file is no program at all.

    A static inventory with the executable bit (usual on foreign file systems) is no program: the
    kernel says so. Without ``_meta`` in the listing, ``FILE --host NAME`` is run for every host.
    Raises InventoryError when the program fails, is not done in time, or prints no such JSON.
    """

    program = str(Path(where).absolute())  # a bare name would be looked for on the PATH

    def ask(*words: str) -> object:
        what = " ".join((where, *words))
        output = run_child([program, *words], what)
        if output.ending:
            said = one_line(output.stderr, last=True)
            raise InventoryError(what, f"{output.ending}; it said: {said}")
        text = decode_text(output.stdout, what)
        if not text.strip() and words[0] == "--host":
            return {}
        if text.lstrip()[:1] not in ("{", "["):
            raise InventoryError(what, f"printed {text[:80]!r}, expected JSON")
        return parse_yaml(text, what)

    try:
        listing = ask("--list")
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        return False
    read_listing(draft, listing, f"{where} --list", lambda host: ask("--host", host))
    return True

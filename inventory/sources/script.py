"""Run executable sources: programs that print the inventory with ``--list``."""

from __future__ import annotations

import errno
from pathlib import Path

from ..errors import InventoryError
from .files import decode_text
from .json_listing import read_listing
from .subprocess import run_child, to_one_line
from .unresolved import UnresolvedInventory
from .yaml_text import parse_yaml

__all__ = ["read_script"]


def read_script(unresolved: UnresolvedInventory, where: str) -> bool:
    """Run ``FILE --list`` and add the listing that it prints; False where FILE is no program.

    A static inventory may have the executable bit (usual on foreign file systems); the kernel then
    refuses to run it. Without ``_meta`` in the listing, ``FILE --host NAME`` runs for every host.
    Raises InventoryError where the program fails, exceeds its time limit, or prints another form.
    """

    program = str(Path(where).absolute())  # a bare name would be searched on the PATH

    def run(*words: str) -> object:
        what = " ".join((where, *words))
        output = run_child([program, *words], what)
        if output.failure:
            message = to_one_line(output.stderr, last=True)
            raise InventoryError(what, f"{output.failure}; it said: {message}")
        text = decode_text(output.stdout, what)
        if not text.strip() and words[0] == "--host":
            return {}
        if text.lstrip()[:1] not in ("{", "["):
            raise InventoryError(what, f"printed {text[:80]!r}, expected JSON")
        return parse_yaml(text, what)

    try:
        listing = run("--list")
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        return False
    read_listing(unresolved, listing, f"{where} --list", lambda host: run("--host", host))
    return True

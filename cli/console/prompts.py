"""Questions to the user, only at a terminal."""

from __future__ import annotations

import getpass
from pathlib import Path

from ...inventory.models import Secret

__all__ = ["prompt"]


def prompt(question: str) -> Secret | None:
    """The answer typed at the controlling terminal; None where there is none."""
    try:
        with Path("/dev/tty").open("w+b", buffering=0):
            pass
    except OSError:
        return None
    try:
        return Secret(getpass.getpass(question))
    except EOFError:
        return None

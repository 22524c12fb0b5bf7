"""Tables of cron.d for a daemon that a test runs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["install_table"]


def install_table(places: Mapping[str, Path], name: str, table: str) -> None:
    """Put a table into cron.d so that a daemon that has just started reads it, too.

    cron compares the newest time of the folders in whole seconds.
    """
    folder = places["/etc"] / "cron.d"
    (folder / name).write_text(table)
    later = time.time() + 10
    os.utime(folder, (later, later))

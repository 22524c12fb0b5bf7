"""Damage a file of SQLite, as a failing disk does."""

from __future__ import annotations

import random
from pathlib import Path

__all__ = ["overwrite_pages"]


def overwrite_pages(file: Path, *, share: float, seed: int = 1) -> None:
    """Overwrite a share of the file's pages, but not the first, with random bytes."""
    draw = random.Random(seed)
    data = bytearray(file.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    for begin in range(size, len(data), size):
        if draw.random() < share:
            data[begin : begin + size] = draw.randbytes(size)
    file.write_bytes(data)

"""asyncssh, imported without its search for C libraries that are not wanted here.

On import asyncssh asks `ctypes.util.find_library` for liboqs and nettle, which runs ldconfig, and
gcc and ld where they are installed: 20 to 60 ms, and programs from the PATH that nobody expects a
scan to start. The libraries would add the key exchange sntrup761 and the umac MACs, neither of
which `algorithms` offers.
"""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["asyncssh"]


def _nothing(name: str) -> None:
    del name


@contextmanager
def _no_library_found() -> Iterator[None]:
    search = ctypes.util.find_library
    ctypes.util.find_library = _nothing
    try:
        yield
    finally:
        ctypes.util.find_library = search


with _no_library_found():
    import asyncssh

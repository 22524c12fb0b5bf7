"""A queue of numbers in a pipe that several processes read.

The kernel gives each number to one reader: a reader holds the pipe's lock while it reads, and reads
whole numbers. A worker that dies therefore holds no lock, and no number but those it took. A file
with a shared offset does not do: that of a memfd is not locked, and two workers read the same
number.
"""

from __future__ import annotations

import os
import struct

__all__ = ["PipeQueue"]

_NUMBER = struct.Struct("=I")


class PipeQueue:
    """The numbers 0 to ``count`` - 1; this process and those forked from it take each once."""

    def __init__(self, count: int) -> None:
        self._descriptor, writing = os.pipe()
        os.write(writing, b"".join(map(_NUMBER.pack, range(count))))
        os.close(writing)  # readers get the end of the file after the last number

    def take(self) -> int | None:
        """The next number; None: all are taken."""
        data = os.read(self._descriptor, _NUMBER.size)
        return _NUMBER.unpack(data)[0] if data else None

    def close(self) -> None:
        """Close the queue in this process."""
        os.close(self._descriptor)

"""A queue of numbers in a pipe that several processes read."""

from __future__ import annotations

import os
import struct

__all__ = ["PipeQueue"]

_NUMBER = struct.Struct("=I")


class PipeQueue:
    """The numbers 0 to ``units`` - 1, each taken once by any process that was forked since."""

    def __init__(self, units: int) -> None:
        self._descriptor, writing = os.pipe()
        os.write(writing, b"".join(map(_NUMBER.pack, range(units))))
        os.close(writing)  # the end of the numbers is the end of the file

    def take(self) -> int | None:
        """The next number; None: all are taken."""
        data = os.read(self._descriptor, _NUMBER.size)
        return _NUMBER.unpack(data)[0] if data else None

    def close(self) -> None:
        """Let go of it in this process."""
        os.close(self._descriptor)

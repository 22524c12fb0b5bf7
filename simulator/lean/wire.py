"""SSH's data types as they stand in a message, read and written (RFC 4251, 5)."""

from __future__ import annotations

import struct

__all__ = ["Fields", "MalformedError", "mpint"]

_UINT32 = struct.Struct(">I")
_UINT64 = struct.Struct(">Q")


class MalformedError(Exception):
    """A client sent what SSH does not allow; its connection ends."""


class Fields:
    """The fields of one message, taken from left to right. Raises MalformedError at its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes, at: int = 1) -> None:
        self._data = data
        self._at = at

    @property
    def at(self) -> int:
        """Where the next field begins."""
        return self._at

    def boolean(self) -> bool:
        """One byte; anything but 0 is true."""
        at = self._at
        if at >= len(self._data):
            raise MalformedError("a message ends before a boolean")
        self._at = at + 1
        return self._data[at] != 0

    def uint32(self) -> int:
        """Four bytes."""
        at = self._at
        try:
            (value,) = _UINT32.unpack_from(self._data, at)
        except struct.error:
            raise MalformedError("a message ends before a uint32") from None
        self._at = at + 4
        return int(value)

    def uint64(self) -> int:
        """Eight bytes."""
        at = self._at
        try:
            (value,) = _UINT64.unpack_from(self._data, at)
        except struct.error:
            raise MalformedError("a message ends before a uint64") from None
        self._at = at + 8
        return int(value)

    def string(self) -> bytes:
        """A length, and as many bytes."""
        data, at = self._data, self._at
        start = at + 4
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):  # also where there is no whole length: then it ends behind the data
            raise MalformedError("a message ends within a string")
        self._at = end
        return data[start:end]


def mpint(value: bytes) -> bytes:
    """A whole number, not negative, from its big-endian bytes."""
    digits = value.lstrip(b"\0")
    if digits and digits[0] & 0x80:
        digits = b"\0" + digits
    return _UINT32.pack(len(digits)) + digits

"""Read and write SSH's data types in messages (RFC 4251, 5)."""

from __future__ import annotations

import struct

__all__ = ["Fields", "MalformedError", "encode_mpint"]

_UINT32 = struct.Struct(">I")
_UINT64 = struct.Struct(">Q")


class MalformedError(Exception):
    """A client violates the protocol; its connection ends."""


class Fields:
    """Reads the fields of a message in order; raises MalformedError beyond its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes, at: int = 1) -> None:
        self._data = data
        self._at = at

    @property
    def at(self) -> int:
        """The offset of the next field."""
        return self._at

    def boolean(self) -> bool:
        """Read one byte; any value but 0 is true."""
        at = self._at
        if at >= len(self._data):
            raise MalformedError("a message ends before a boolean")
        self._at = at + 1
        return self._data[at] != 0

    def uint32(self) -> int:
        """Read four bytes."""
        at = self._at
        try:
            (value,) = _UINT32.unpack_from(self._data, at)
        except struct.error:
            raise MalformedError("a message ends before a uint32") from None
        self._at = at + 4
        return int(value)

    def uint64(self) -> int:
        """Read eight bytes."""
        at = self._at
        try:
            (value,) = _UINT64.unpack_from(self._data, at)
        except struct.error:
            raise MalformedError("a message ends before a uint64") from None
        self._at = at + 8
        return int(value)

    def string(self) -> bytes:
        """Read a length, and as many bytes."""
        data, at = self._data, self._at
        start = at + 4
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):  # also true where the length itself is cut off
            raise MalformedError("a message ends within a string")
        self._at = end
        return data[start:end]


def encode_mpint(value: bytes) -> bytes:
    """Encode a non-negative integer given as big-endian bytes."""
    digits = value.lstrip(b"\0")
    if digits and digits[0] & 0x80:
        digits = b"\0" + digits
    return _UINT32.pack(len(digits)) + digits

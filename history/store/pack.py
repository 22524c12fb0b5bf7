"""One number of many hosts in few bytes.

A pack holds integers of at most 64 bits, any of which may be absent. Its head has the codec, the
width, the count and the base; its body has byte planes (all lowest bytes, then all second bytes,
…), compressed. The planes of small numbers with a few large ones compress to a third of the
numbers in a row.

    byte 0        codec: 1 zstd, 2 zlib
    byte 1        bytes of a number: 0, 1, 2, 4 or 8
    bytes 2-5     count
    bytes 6-13    base: a number is stored as its distance from it, an absent one as 0
    bytes 14-     body; none where the width is 0, as all numbers are absent or equal the base + 1

The file may be damaged or foreign, so that the body's size is known before it is unpacked.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import StoreDamagedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "MOST_NUMBERS",
    "compress",
    "decompress",
    "pack_numbers",
    "unpack_array",
    "unpack_numbers",
]

MOST_NUMBERS = 1 << 24
"""The most numbers that a pack may hold: sixteen million hosts."""

_HEAD = struct.Struct("<BBIq")
_ZSTD, _ZLIB = 1, 2
_LEVEL = 3
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_ALL_ABSENT = -(1 << 63)
"""The base of a pack without any number."""


def pack_numbers(numbers: Sequence[int | None]) -> bytes:
    """Pack numbers, None where one is absent. Raises ValueError for numbers beyond 62 bits."""
    given = [number for number in numbers if number is not None]
    if not given:
        return _HEAD.pack(_ZSTD, 0, len(numbers), _ALL_ABSENT)
    low, high = min(given), max(given)
    if low < -(1 << 62) or high >= 1 << 62:
        raise ValueError(f"{low} to {high} do not fit a pack")
    base = low - 1
    if low == high and len(given) == len(numbers):
        return _HEAD.pack(_ZSTD, 0, len(numbers), base)
    width = next(width for width in _CODES if high - base < 1 << (8 * width))
    if len(given) == len(numbers):
        distances = array(_CODES[width], [number - base for number in given])
    else:
        distances = array(
            _CODES[width], [0 if number is None else number - base for number in numbers]
        )
    if sys.byteorder == "big":
        distances.byteswap()
    data = distances.tobytes()
    planes = b"".join(data[plane::width] for plane in range(width))
    codec, body = _compress(planes)
    return _HEAD.pack(codec, width, len(numbers), base) + body


def unpack_numbers(pack: bytes, count: int) -> list[int | None]:
    """Unpack ``count`` numbers. Raises StoreDamagedError for anything else than such a pack."""
    width, base, planes = _open(pack, count)
    if width == 0:
        return [None if base == _ALL_ABSENT else base + 1] * count
    data = bytearray(len(planes))
    for plane in range(width):
        data[plane::width] = planes[plane * count : (plane + 1) * count]
    distances = array(_CODES[width], bytes(data))
    if sys.byteorder == "big":
        distances.byteswap()
    return [None if distance == 0 else base + distance for distance in distances]


def unpack_array(
    pack: bytes, count: int, places: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Unpack ``count`` numbers as an array, and where they are absent; None: nowhere.

    ``places``: of these alone, in this order. An absent number is ``base`` in the array. Raises
    StoreDamagedError as `unpack_numbers`.
    """
    import numpy as np

    width, base, planes = _open(pack, count)
    wanted = count if places is None else len(places)
    if width == 0:
        if base == _ALL_ABSENT:
            return np.zeros(wanted, np.int64), np.ones(wanted, np.bool_)
        return np.full(wanted, base + 1, np.int64), None
    rows = np.frombuffer(planes, np.uint8).reshape(width, count)
    if places is not None:
        rows = rows[:, places]
    distances = np.ascontiguousarray(rows.T).view(f"<u{width}").reshape(wanted)
    absent = distances == 0
    return distances.astype(np.int64) + base, absent if absent.any() else None


def _open(pack: bytes, count: int) -> tuple[int, int, bytes]:
    """The width, the base and the planes of a pack."""
    try:
        codec, width, found, base = _HEAD.unpack_from(pack)
    except struct.error as error:
        raise StoreDamagedError(f"a pack of {len(pack)} bytes is cut off") from error
    if found != count or count > MOST_NUMBERS:
        raise StoreDamagedError(f"a pack holds {found} numbers where {count} are expected")
    if width == 0:
        return 0, base, b""
    if width not in _CODES:
        raise StoreDamagedError(f"a pack has numbers of {width} bytes")
    planes = _decompress(codec, pack[_HEAD.size :], width * count)
    if len(planes) != width * count:
        raise StoreDamagedError("the body of a pack has another size than its head says")
    return width, base, planes


@cache
def _zstd() -> Any | None:
    """The module zstandard; None where it cannot be imported on this machine."""
    try:
        import zstandard
    except ImportError:
        return None
    return zstandard


@cache
def _compressor() -> Any:
    zstd = _zstd()
    assert zstd is not None  # noqa: S101 (for the type checker: only called where it is)
    return zstd.ZstdCompressor(level=_LEVEL)


@cache
def _decompressor() -> Any:
    zstd = _zstd()
    if zstd is None:
        raise StoreDamagedError(
            "a pack is compressed with zstd, and the package zstandard cannot be imported here"
        )
    return zstd.ZstdDecompressor()


def compress(data: bytes) -> bytes:
    """Compress any bytes, with a codec byte in front, as `decompress` reads them."""
    codec, body = _compress(data)
    return bytes([codec]) + body


def decompress(data: bytes, most: int) -> bytes:
    """Decompress what `compress` made, of at most ``most`` bytes; raises StoreDamagedError."""
    if not data:
        raise StoreDamagedError("compressed data is empty")
    return _decompress(data[0], data[1:], most)


def _compress(data: bytes) -> tuple[int, bytes]:
    if _zstd() is None:
        return _ZLIB, zlib.compress(data, _LEVEL)
    return _ZSTD, _compressor().compress(data)


def _decompress(codec: int, body: bytes, most: int) -> bytes:
    if codec == _ZLIB:
        return _inflate(body, most)
    if codec != _ZSTD:
        raise StoreDamagedError(f"no codec has the number {codec}")
    decompressor, zstd = _decompressor(), _zstd()
    assert zstd is not None  # noqa: S101 (for the type checker: there is a decompressor)
    try:
        # The decompressor allocates what a frame says, whatever limit it gets.
        size = zstd.frame_content_size(body)
        if not 0 <= size <= most:
            raise StoreDamagedError(f"a compressed part unpacks to {size} bytes, not {most}")
        data: bytes = decompressor.decompress(body)
    except zstd.ZstdError as error:
        raise StoreDamagedError(f"a compressed part cannot be unpacked: {error}") from error
    return data


def _inflate(body: bytes, most: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(body, most + 1)
    except zlib.error as error:
        raise StoreDamagedError(f"a compressed part cannot be unpacked: {error}") from error
    if len(data) > most or not stream.eof:
        raise StoreDamagedError(f"a compressed part does not unpack to {most} bytes")
    return data

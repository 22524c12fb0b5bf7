"""Read inventory files as bytes or UTF-8 text, up to a maximum size; errors name the file."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from ..errors import InventoryError

__all__ = ["MOST_BYTES", "decode_text", "read_bytes", "read_stream"]

MOST_BYTES = 512 * 1024 * 1024
"""The maximum size of one source, so that an endless device or pipe cannot exhaust the memory."""


def read_bytes(path: str) -> bytes:
    """Return a file's content. Raises InventoryError where it cannot be read or is too large."""
    try:
        with Path(path).open("rb") as file:
            return read_stream(file, path)
    except OSError as error:
        raise InventoryError(path, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a null character in the name
        raise InventoryError(repr(path), f"is no file name: {error}") from error


def read_stream(stream: IO[bytes], where: str) -> bytes:
    """Return the content of an open file. Raises InventoryError for more than `MOST_BYTES`."""
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InventoryError(where, f"is larger than {MOST_BYTES:,} bytes")
    return content


def decode_text(content: bytes, where: str) -> str:
    """Decode UTF-8, with or without a byte order mark.

    As in Ansible, lines that are comments may hold other bytes. Raises InventoryError naming the
    first other line that is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "\n".join(
            _decode_line(raw, f"{where}:{number}")
            for number, raw in enumerate(content.splitlines(), start=1)
        )


def _decode_line(raw: bytes, where: str) -> str:
    if raw[:1] in (b"#", b";"):
        return ""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InventoryError(
            where, f"found the byte 0x{raw[error.start]:02x}, expected text in UTF-8"
        ) from error

"""The text of inventory files."""

from __future__ import annotations

import pytest

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.files import decode_text, read_bytes


def test_utf8_with_and_without_a_mark() -> None:
    assert decode_text("wéb\n".encode(), "f") == "wéb\n"
    assert decode_text(b"\xef\xbb\xbfweb\n", "f") == "web\n"


def test_comments_may_be_in_any_encoding() -> None:
    assert decode_text(b"# caf\xe9\nweb\n; \xff\ndb", "f") == "\nweb\n\ndb"


def test_other_lines_must_be_utf8() -> None:
    with pytest.raises(InventoryError, match=r"^f:2: found the byte 0xe9, expected text in UTF-8$"):
        decode_text(b"# caf\xe9\ncaf\xe9\n", "f")


@pytest.mark.parametrize(
    ("path", "message"),
    [("/no/such", "No such file"), ("/etc", "Is a directory"), ("a\0b", "is no file name")],
)
def test_unreadable_files(path: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message):
        read_bytes(path)

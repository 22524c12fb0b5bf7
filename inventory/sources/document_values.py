"""What readers of YAML and JSON share: repeated keys, and texts that are no templates."""

from __future__ import annotations

from collections.abc import Callable

from ..models import LiteralText

__all__ = ["KeyPath", "OnRepeatedKey", "describe_repeated_key", "make_literal"]

KeyPath = tuple[object, ...]
"""The keys from the document's top down to one key."""


OnRepeatedKey = Callable[[KeyPath, str], bool]
"""Called for a key that its mapping already has, with the file and line; False: it is an error."""


def make_literal(text: str) -> str:
    """Mark a text that could be taken for a template as none; return others as they are."""
    return LiteralText(text) if "{" in text else text


def describe_repeated_key(path: KeyPath, where: str) -> str:
    """Return the warning about a repeated key that is allowed."""
    return f"{where}: key {path[-1]!r} appears twice in one mapping; the last one counts"

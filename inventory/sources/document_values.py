"""What readers of YAML and JSON share: keys of groups, repeated keys, literal texts."""

from __future__ import annotations

from collections.abc import Callable

from ..models import LiteralText

__all__ = [
    "SECTIONS",
    "KeyPath",
    "OnRepeatedKey",
    "describe_repeated_key",
    "find_intended_section",
    "make_literal",
]

SECTIONS = ("vars", "children", "hosts")
"""The keys of a group."""

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


def find_intended_section(key: object) -> str | None:
    """Return the key of a group that ``key`` is probably a mistyped form of; None: of none."""
    import difflib  # inventories without unknown keys need none of it

    return next(iter(difflib.get_close_matches(str(key), SECTIONS, n=1, cutoff=0.75)), None)

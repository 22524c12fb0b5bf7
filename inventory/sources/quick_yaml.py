"""PyYAML, imported without compiling the pattern of its reader.

The pattern names all printable characters: to compile it takes 8 ms, a thirtieth of a whole scan of
one host, and only PyYAML's reader in Python uses it. libyaml has a reader of its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["yaml"]

_READER = "yaml.reader"
_LAST_CHARACTER = "\U0010ffff"


class _LatePattern:
    """A pattern that is compiled when it is first used."""

    def __init__(self, text: str) -> None:
        self._text = text

    def search(self, text: str) -> re.Match[str] | None:
        """As `re.Pattern.search`."""
        return re.search(self._text, text)


@contextmanager
def _compile_late() -> Iterator[None]:
    compile_now = re.compile

    def compile_most(pattern: Any, flags: Any = 0) -> Any:  # noqa: ANN401 (as re.compile)
        if isinstance(pattern, str) and _LAST_CHARACTER in pattern:
            return _LatePattern(pattern)
        return compile_now(pattern, flags)

    re.compile = compile_most
    try:
        yield
    finally:
        re.compile = compile_now


if _READER in sys.modules:
    import yaml
else:
    with _compile_late():
        import yaml

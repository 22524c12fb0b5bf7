"""Parse lists of SSH algorithms as ssh_config(5) writes them.

``KexAlgorithms=+diffie-hellman-group1-sha1`` adds an algorithm to the default list. The sign is
kept, because only the collector's transports know the defaults and the algorithms they support.
"""

from __future__ import annotations

from ...core.lazy_pattern import lazy_pattern
from ...core.text import quote

__all__ = ["parse_algorithms"]

_NAME = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}")
_PATTERN = lazy_pattern(r"[A-Za-z0-9@._*?-]{1,64}")


def parse_algorithms(text: str) -> tuple[str, ...]:
    """Split a list at its commas; its first item keeps the sign ``+``, ``-`` or ``^``, if any.

    A list with ``-`` holds patterns with * and ?, any other list holds names. Raises ValueError
    quoting an invalid item.
    """
    sign = text[:1] if text[:1] in {"+", "-", "^"} else ""
    names = text[len(sign) :].split(",")
    allowed = _PATTERN() if sign == "-" else _NAME()
    for name in names:
        if not allowed.fullmatch(name):
            raise ValueError(f"{quote(name)} in {quote(text)} is no algorithm's name")
    return (sign + names[0], *names[1:])

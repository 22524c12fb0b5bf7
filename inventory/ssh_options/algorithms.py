"""Lists of SSH algorithms as ssh_config(5) writes them: judged here, made whole by the transports.

``KexAlgorithms=+diffie-hellman-group1-sha1`` means "yours, and this one too". Which are ours, and
which of them a transport has at all, only the collector knows; so the sign stays on the list.
"""

from __future__ import annotations

import re

from ...core.text import quote

__all__ = ["parse_algorithms"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9@._*?-]{1,64}")


def parse_algorithms(text: str) -> tuple[str, ...]:
    """The list cut at its commas; the first keeps a sign ``+``, ``-`` or ``^``, if there is one.

    Behind ``-`` stand patterns with * and ?, otherwise names. Raises ValueError quoting what is
    neither.
    """
    sign = text[:1] if text[:1] in {"+", "-", "^"} else ""
    names = text[len(sign) :].split(",")
    allowed = _PATTERN if sign == "-" else _NAME
    for name in names:
        if not allowed.fullmatch(name):
            raise ValueError(f"{quote(name)} in {quote(text)} is no algorithm's name")
    return (sign + names[0], *names[1:])

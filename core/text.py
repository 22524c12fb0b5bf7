"""Text that comes from a host: cleaned once, here, before anything else sees it."""

from __future__ import annotations

import unicodedata

__all__ = ["cleaned"]

# Cc controls, Cf formats (bidirectional overrides, zero-width), Cs surrogates, Co private use,
# Cn unassigned, Zl and Zp the line and paragraph separators: each can rewrite a terminal line
# or split a record.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def cleaned(raw: bytes | str, *, limit: int = 200) -> str:
    """One harmless line of at most ``limit`` characters out of what a host sent.

    Bytes are read as UTF-8, what is not UTF-8 becomes U+FFFD; runs of white space, controls and
    format characters become one blank; a longer text ends in ``…``. Never raises.
    """
    head = raw[: limit * 8]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    if text.isascii() and text.isprintable():
        safe = text  # looked at as a whole: nearly all is like this
    else:
        safe = "".join(" " if unicodedata.category(c) in _UNSAFE else c for c in text)
    line = " ".join(safe.split())
    return line if len(line) <= limit and len(head) == len(raw) else line[: limit - 1] + "…"

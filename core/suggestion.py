"""The nearest known name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from .text import escape

__all__ = ["nearest", "suggest"]

_MOST_COMPARED = 20_000
"""Names that are compared; a name takes about 10 µs."""


def nearest(found: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that is most like ``found``; None where none is.

    Of more than 20,000 known names only the first are compared.
    """
    from difflib import get_close_matches  # a run without a mistake needs none of it

    names = list(islice(known, _MOST_COMPARED))
    # Case counts for less than letters: WEB is more like web than like DB.
    by_lower = {name.lower(): name for name in reversed(names)}
    near = get_close_matches(found.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else None


def suggest(found: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` with the nearest name, or else the list of all names.

    What it returns is escaped, so that a name of an inventory may be in it.
    """
    known = list(known)
    near = nearest(found, known)
    if near is not None:
        return f"; did you mean {escape(near)}?"
    return f"; there are {escape(', '.join(known))}" if known else ""

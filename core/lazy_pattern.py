"""Regular expressions that are compiled when they are first used.

A command imports about fifty of them, a scan of one host uses a few, and to compile one takes up to
half a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import AnyStr

__all__ = ["lazy_pattern"]


def lazy_pattern(text: AnyStr, flags: int = 0) -> Callable[[], re.Pattern[AnyStr]]:
    """Return a function that returns the compiled pattern: ``_NAME().fullmatch(text)``."""
    return cache(partial(re.compile, text, flags))

"""Which failures another attempt may heal, and how long to wait before it."""

from __future__ import annotations

from ..errors import Category, HostError

__all__ = ["is_transient"]

# A refused login is never tried again: sshd 9.8 and later lock a source out for failed logins.
_MAY_PASS = frozenset(
    {Category.DROPPED_PRE_BANNER, Category.DNS_TIMEOUT, Category.TCP_TIMEOUT, Category.LOST}
)


def is_transient(error: HostError) -> bool:
    """Whether another attempt in the same run makes sense."""
    return error.passing or error.category in _MAY_PASS

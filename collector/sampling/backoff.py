"""When a host that could not be reached is tried again."""

from __future__ import annotations

import random

from ..errors import Category
from ..outcome import HostFailure

__all__ = ["Backoff"]

FIRST_S = 1.0
MOST_S = 300.0

# sshd 9.8 and later lock a source out for refused logins, and no key, certificate or right comes
# back in seconds.
_PATIENT = frozenset(
    {
        Category.AUTH_DENIED,
        Category.BECOME_DENIED,
        Category.CONFIG,
        Category.HOSTCERT,
        Category.HOSTKEY_CHANGED,
        Category.HOSTKEY_REVOKED,
        Category.HOSTKEY_UNKNOWN,
    }
)


class Backoff:
    """Of one host: twice as long after each failure in turn, jittered, five minutes at most.

    After what nobody can expect to pass soon, such as a refused login, it is that long at once.
    """

    __slots__ = ("_failures", "_until", "last")

    def __init__(self) -> None:
        self.last: HostFailure | None = None
        """None after a success."""
        self._failures = 0
        self._until = 0.0

    def failed(self, failure: HostFailure, now: float) -> None:
        """One more failure in turn."""
        self.last = failure
        pause_s = min(FIRST_S * 2.0 ** min(self._failures, 30), MOST_S)
        if failure.category in _PATIENT:
            pause_s = MOST_S
        self._failures += 1
        # Jittered, so that a switch that comes back does not meet its whole fleet at once.
        self._until = now + pause_s * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)

    def succeeded(self) -> None:
        """It was reached."""
        self.last, self._failures, self._until = None, 0, 0.0

    def wait_s(self, now: float) -> float:
        """Seconds from ``now`` to the next attempt; 0 or less: it is due."""
        return self._until - now

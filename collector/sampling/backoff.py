"""When a host that failed is contacted again, between the rounds of repeated samples.

Within a run, `collector.pacing.retry` decides.
"""

from __future__ import annotations

import random

from ..errors import Category
from ..outcome import HostFailure

__all__ = ["Backoff"]

FIRST_S = 1.0
MOST_S = 300.0

# A key, certificate or permission is not mended within seconds, and sshd 9.8 and later block a
# source after refused logins.
_LASTING = frozenset(
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
    """The pause of one host: it doubles with each failure in a row up to five minutes, with jitter.

    After a failure that does not heal soon, such as a refused login, it is five minutes at once.
    """

    __slots__ = ("_failures", "_until", "last")

    def __init__(self) -> None:
        self.last: HostFailure | None = None
        """The last failure; None after a success."""
        self._failures = 0
        self._until = 0.0

    def record_failure(self, failure: HostFailure, now: float) -> None:
        """Count a failure at ``now``."""
        self.last = failure
        pause_s = min(FIRST_S * 2.0 ** min(self._failures, 30), MOST_S)
        if failure.category in _LASTING:
            pause_s = MOST_S
        self._failures += 1
        # Jitter spreads the hosts of a switch that has just come back.
        self._until = now + pause_s * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)

    def record_success(self) -> None:
        """Forget the failures."""
        self.last, self._failures, self._until = None, 0, 0.0

    def wait_s(self, now: float) -> float:
        """Seconds from ``now`` to the next attempt; 0 or less: it is due."""
        return self._until - now

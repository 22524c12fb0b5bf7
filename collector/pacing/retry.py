"""When a host is tried again within a run: after which failures, how often, after what pause.

Between the rounds of repeated samples, `collector.sampling.backoff` decides.
"""

from __future__ import annotations

import random

from ..errors import Category, HostError

__all__ = ["is_transient", "retry_delay_s"]

_FIRST_DELAY_S = 0.5

# A refused login is never tried again: sshd 9.8 and later block a source after failed logins
# (PerSourcePenalties in sshd_config(5)).
_TRANSIENT = frozenset(
    {Category.DROPPED_PRE_BANNER, Category.DNS_TIMEOUT, Category.TCP_TIMEOUT, Category.LOST}
)


def is_transient(error: HostError) -> bool:
    """Whether another attempt in the same run may succeed."""
    return error.transient or error.category in _TRANSIENT


def retry_delay_s(error: HostError, *, attempts: int, retries: int) -> float | None:
    """Seconds to wait before the next attempt; None: the host is not tried again.

    ``error`` ended the last of ``attempts`` attempts; ``retries`` may follow the first. The delay
    doubles with each attempt.
    """
    if attempts > retries or not is_transient(error):
        return None
    # Jitter spreads the retries of a fleet whose switch has just come back.
    return _FIRST_DELAY_S * 2.0 ** (attempts - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)

"""A host of a warm fleet between its samples: its connection, and what it says without one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ...inventory.models import Host
from ..errors import Category, HostError, Phase
from ..outcome import HostFailure
from .backoff import Backoff
from .host_sampler import HostSampler

__all__ = ["HostState"]

_SOON_S = 0.05
"""A round that comes so little too early is not waited out."""


@dataclass(slots=True, eq=False)
class HostState:
    """A host and how it stands."""

    host: Host
    warm: HostSampler | None = None
    """Its connection; None where there is none."""
    asked_at: float | None = None
    """Since when an answer is waited for, from the engine or a sample; None: it is not."""
    backoff: Backoff = field(default_factory=Backoff)
    lost_unused: int = 0
    """Connections in turn that were lost before they gave a sample."""

    def failure(self, error: HostError, *, attempts: int = 1) -> HostFailure:
        """The host's outcome where ``error`` was met now."""
        warm = self.warm
        return HostFailure(
            host=self.host,
            address=self.host.address if warm is None else warm.address,
            attempts=attempts,
            elapsed_s=self._waited_s,
            category=error.category,
            phase=error.phase,
            message=error.message,
        )

    def not_yet(self, now: float) -> HostFailure | None:
        """In the pause before the next attempt a host is as it was at the last; None: it is due."""
        wait_s = self.backoff.wait_s(now)
        if self.backoff.last is None or wait_s <= _SOON_S:
            return None
        return self._as_before(self.backoff.last, f"not tried again for {max(round(wait_s), 1)} s")

    def still_waiting(self) -> HostFailure:
        """The round ends and nothing has come."""
        if self.backoff.last is not None:
            return self._as_before(self.backoff.last, "being tried again")
        return self.failure(
            HostError(
                Category.COMMAND_TIMEOUT,
                Phase.COMMAND,
                f"{self._where}: no sample in {self._waited_s:.1f} s, still waiting",
            )
        )

    def no_answer(self, limit_s: float) -> HostFailure:
        """Nothing came over a connection that was open."""
        return self.failure(
            HostError(
                Category.COMMAND_TIMEOUT,
                Phase.COMMAND,
                f"{self._where}: no sample in {limit_s:g} s over the connection that was open; it "
                "is given up, and another tried later",
            )
        )

    @property
    def _where(self) -> str:
        return f"{self.host.address}:{self.host.port}"

    @property
    def _waited_s(self) -> float:
        return 0.0 if self.asked_at is None else asyncio.get_running_loop().time() - self.asked_at

    def _as_before(self, last: HostFailure, then: str) -> HostFailure:
        error = HostError(last.category, last.phase, f"{last.message}; {then}")
        return self.failure(error, attempts=0)

"""The state of a host between its samples, and its failures in rounds without a sample."""

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
"""A round that begins this little before the end of a pause does not wait for it."""


@dataclass(slots=True, eq=False)
class HostState:
    """A host, its connection and what it waits for."""

    host: Host
    sampler: HostSampler | None = None
    """Samples it over its open connection; None: it is not connected."""
    waiting_since: float | None = None
    """When its sample was requested, by the event loop's clock; None: no sample is in progress."""
    backoff: Backoff = field(default_factory=Backoff)
    unused_losses: int = 0
    """Connections in a row that were lost before any sample."""

    def make_failure(self, error: HostError, *, attempts: int = 1) -> HostFailure:
        """The failure of the host by ``error``, now."""
        sampler = self.sampler
        return HostFailure(
            host=self.host,
            address=self.host.address if sampler is None else sampler.address,
            attempts=attempts,
            elapsed_s=self._waited_s,
            category=error.category,
            phase=error.phase,
            message=error.message,
        )

    def make_backoff_failure(self, now: float) -> HostFailure | None:
        """The last failure once more, during the pause after it; None: the pause is over."""
        wait_s = self.backoff.wait_s(now)
        if self.backoff.last is None or wait_s <= _SOON_S:
            return None
        return self._repeat(self.backoff.last, f"not tried again for {max(round(wait_s), 1)} s")

    def make_waiting_failure(self) -> HostFailure:
        """The failure of a host whose sample has not come by the end of the round."""
        if self.backoff.last is not None:
            return self._repeat(self.backoff.last, "being tried again")
        return self.make_failure(
            HostError(
                Category.COMMAND_TIMEOUT,
                Phase.COMMAND,
                f"{self._where}: no sample in {self._waited_s:.1f} s, still waiting",
            )
        )

    def make_silent_failure(self, limit_s: float) -> HostFailure:
        """The failure of a host that sent nothing over its open connection."""
        return self.make_failure(
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
        if self.waiting_since is None:
            return 0.0
        return asyncio.get_running_loop().time() - self.waiting_since

    def _repeat(self, last: HostFailure, then: str) -> HostFailure:
        error = HostError(last.category, last.phase, f"{last.message}; {then}")
        return self.make_failure(error, attempts=0)

"""Share one connection to each bastion among all hosts behind it.

The first host opens it; others await the same connection attempt and share its failure, so a dead
bastion is tried once instead of once per host. When the connection is lost, the next host opens a
new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import field, replace
from typing import Generic, Protocol, TypeVar

from ....core.record import mutable
from ....core.text import clean, endpoint
from ....inventory.models import Hop, Host
from ...errors import Category, HostError, Phase
from ...pacing.retry import is_transient
from ...transport import Attempt
from ..messages import via_jump

__all__ = ["BastionConnection", "Bastions", "SharedBastion"]

CHANNELS = 900
"""The most hosts through one connection; with more, sshd becomes slow and then refuses."""
FAILURE_KEPT_S = 0.2
"""How long later hosts share a failure; shorter than the engine's pause before a retry, so a retry
connects again."""

_CONNECTION_ENDED = (Category.DROPPED_PRE_BANNER, Category.LOST, Category.TRUNCATED)

_Hops = tuple[Hop, ...]


class BastionConnection(Protocol):
    """A transport's connection to a bastion."""

    @property
    def up(self) -> bool:
        """Whether the connection can still be used."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


C = TypeVar("C", bound=BastionConnection)


@mutable
class SharedBastion(Generic[C]):
    """One connection to a bastion and the number of hosts that use it."""

    connection: C
    hop: str
    hosts: int = 0

    def unreachable(self, host: Host, said: str) -> HostError:
        """Return the error that the bastion opened no channel to ``host``; ``said`` is why."""
        target = endpoint(host.address, host.port)
        return HostError(
            Category.VIA_JUMP,
            Phase.CONNECT,
            f"jump host {self.hop}: no connection from there to {target}: {clean(said)}",
            transient=not self.connection.up,
        )

    def explain(self, error: HostError) -> HostError:
        """Return the bastion's loss if it caused ``error`` of a host behind it, or ``error``."""
        if self.connection.up or error.category not in _CONNECTION_ENDED:
            return error
        return HostError(
            Category.VIA_JUMP,
            error.phase,
            f"jump host {self.hop} went away: {error.message}",
            transient=is_transient(error),
        )


class _HopAttempt(Attempt):
    """The attempt at the bastion; the attempts that wait for it get its phase and hop."""

    waiting: list[Attempt]

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in ("phase", "hop"):
            for attempt in getattr(self, "waiting", ()):
                self.update(attempt)

    def update(self, attempt: Attempt) -> None:
        """Copy the phase and hop to an attempt that waits."""
        attempt.phase = self.phase
        attempt.hop = self.hop or endpoint(self.host.address, self.host.port)


@mutable
class _BastionState(Generic[C]):
    """The connections, or the failure, of one bastion reached by the same hops."""

    open: list[SharedBastion[C]] = field(default_factory=list)
    opening: asyncio.Task[None] | None = None
    attempt: _HopAttempt | None = None
    failure: HostError | None = None
    failed_at: float = 0.0


class Bastions(Generic[C]):
    """The bastions of one scan.

    ``open_connection`` logs in to the bastion that is the attempt's host, and raises HostError.
    """

    def __init__(self, open_connection: Callable[[Attempt], Awaitable[C]]) -> None:
        self._open_connection = open_connection
        self._states: dict[_Hops, _BastionState[C]] = {}

    async def acquire(self, attempt: Attempt, hops: _Hops) -> SharedBastion[C]:
        """Return a connection to the last of ``hops`` for one more host.

        Updates ``attempt.phase`` and ``attempt.hop``. Raises HostError ``via_jump``. The caller
        must `release` the connection.
        """
        state = self._states.setdefault(hops, _BastionState())
        while True:
            shared = await self._find_usable(state)
            if shared is not None:
                shared.hosts += 1
                attempt.hop = shared.hop
                return shared
            self._raise_failure(state, attempt, hops[-1])
            await self._await_opening(state, attempt, hops)

    def release(self, shared: SharedBastion[C]) -> None:
        """Return what `acquire` returned: one host less uses it."""
        shared.hosts -= 1

    async def aclose(self) -> None:
        """Close the connections to all bastions, those behind others first."""
        for hops in sorted(self._states, key=len, reverse=True):
            state = self._states.pop(hops)
            if state.opening is not None:
                state.opening.cancel()
                with suppress(asyncio.CancelledError):
                    await state.opening
            for shared in state.open:
                await shared.connection.close()

    async def _find_usable(self, state: _BastionState[C]) -> SharedBastion[C] | None:
        for shared in list(state.open):
            if not shared.connection.up:
                state.open.remove(shared)
                await shared.connection.close()
        return next((shared for shared in state.open if shared.hosts < CHANNELS), None)

    def _raise_failure(self, state: _BastionState[C], attempt: Attempt, hop: Hop) -> None:
        error = state.failure
        age_s = asyncio.get_running_loop().time() - state.failed_at
        if error is None or age_s > FAILURE_KEPT_S:
            return
        attempt.phase = error.phase
        if error.category is Category.VIA_JUMP:  # of an earlier hop; raised anew for each host
            raise HostError(
                error.category,
                error.phase,
                error.message,
                transient=error.transient,
                unknown_key=error.unknown_key,
            )
        attempt.hop = endpoint(hop.address, hop.port)
        seen = HostError(
            error.category,
            error.phase,
            error.message,
            transient=is_transient(error),
            unknown_key=error.unknown_key,
        )
        raise via_jump(attempt.hop, seen)

    async def _await_opening(self, state: _BastionState[C], attempt: Attempt, hops: _Hops) -> None:
        """Open the bastion, or await the attempt of another host to open it."""
        if state.opening is None or state.attempt is None:
            hop = hops[-1]
            label = endpoint(hop.address, hop.port)
            host = Host(
                name=label,
                address=hop.address,
                port=hop.port,
                ssh=replace(hop.ssh, jumps=hops[:-1]),
            )
            state.attempt = _HopAttempt(host=host, handshake=attempt.handshake)
            state.attempt.waiting = []
            state.opening = asyncio.create_task(self._open(state, state.attempt, label))
        at_hop, opening = state.attempt, state.opening
        at_hop.waiting.append(attempt)
        at_hop.update(attempt)
        try:
            await asyncio.shield(opening)
        finally:
            at_hop.waiting.remove(attempt)

    async def _open(self, state: _BastionState[C], attempt: _HopAttempt, label: str) -> None:
        try:
            connection = await self._open_connection(attempt)
        except HostError as error:
            state.failure = error
            state.failed_at = asyncio.get_running_loop().time()
        else:
            state.failure = None
            state.open.append(SharedBastion(connection=connection, hop=label))
        finally:
            state.opening = None

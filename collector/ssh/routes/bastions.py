"""One connection to each bastion, shared by all hosts behind it.

It is opened by whoever comes first, and all who came meanwhile wait for the same opening and share
its failure; so a dead bastion is tried once, not once a host. When it dies, the next host opens
it anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from ....core.text import clean, endpoint
from ....inventory.models import Hop, Host
from ...errors import Category, HostError, Phase
from ...pacing.retry import is_transient
from ...transport import Attempt
from ..messages import via_jump

__all__ = ["BastionConnection", "Bastions", "SharedBastion"]

CHANNELS = 900
"""Hosts through one connection; sshd gets slow, then refuses, not far above."""
FAILURE_KEPT_S = 0.2
"""Those who come just after a failure share it; shorter than the engine's pause before a retry,
which is to be a real one."""

_CONNECTION_ENDED = (Category.DROPPED_PRE_BANNER, Category.LOST, Category.TRUNCATED)

_Way = tuple[Hop, ...]


class BastionConnection(Protocol):
    """What a transport's connection must have to be shared."""

    @property
    def up(self) -> bool:
        """Whether it can still be used."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


C = TypeVar("C", bound=BastionConnection)


@dataclass(slots=True, kw_only=True)
class SharedBastion(Generic[C]):
    """One bastion connection and how many hosts use it."""

    connection: C
    hop: str
    hosts: int = 0

    def unreachable(self, host: Host, said: str) -> HostError:
        """The bastion has opened no channel to ``host``; ``said`` is why."""
        target = endpoint(host.address, host.port)
        return HostError(
            Category.VIA_JUMP,
            Phase.CONNECT,
            f"jump host {self.hop}: no connection from there to {target}: {clean(said)}",
            transient=not self.connection.up,
        )

    def reason(self, error: HostError) -> HostError:
        """``error`` of a host behind it, or that the bastion went away under the host."""
        if self.connection.up or error.category not in _CONNECTION_ENDED:
            return error
        return HostError(
            Category.VIA_JUMP,
            error.phase,
            f"jump host {self.hop} went away: {error.message}",
            transient=is_transient(error),
        )


class _HopAttempt(Attempt):
    """The attempt at the bastion: those who wait for it are as far as it is."""

    waiting: list[Attempt]

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in ("phase", "hop"):
            for attempt in getattr(self, "waiting", ()):
                self.tell(attempt)

    def tell(self, attempt: Attempt) -> None:
        """Bring one who waits up to date."""
        attempt.phase = self.phase
        attempt.hop = self.hop or endpoint(self.host.address, self.host.port)


@dataclass(slots=True)
class _Place(Generic[C]):
    """What is known of one way to one bastion."""

    open: list[SharedBastion[C]] = field(default_factory=list)
    opening: asyncio.Task[None] | None = None
    attempt: _HopAttempt | None = None
    failure: HostError | None = None
    failed_at: float = 0.0


class Bastions(Generic[C]):
    """All bastions of a scan, for any transport.

    ``open_connection`` logs in to the bastion that is the attempt's host, and raises HostError.
    """

    def __init__(self, open_connection: Callable[[Attempt], Awaitable[C]]) -> None:
        self._open_connection = open_connection
        self._places: dict[_Way, _Place[C]] = {}

    async def take(self, attempt: Attempt, way: _Way) -> SharedBastion[C]:
        """A connection to the last hop of ``way`` with room for one more host.

        Keeps ``attempt.phase`` and ``attempt.hop``. Raises HostError ``via_jump``. The caller must
        `give_back`.
        """
        place = self._places.setdefault(way, _Place())
        while True:
            shared = await self._usable(place)
            if shared is not None:
                shared.hosts += 1
                attempt.hop = shared.hop
                return shared
            self._raise_failure(place, attempt, way[-1])
            await self._opened(place, attempt, way)

    def give_back(self, shared: SharedBastion[C]) -> None:
        """One host less goes through it."""
        shared.hosts -= 1

    async def aclose(self) -> None:
        """Close every bastion's connection, those behind others first."""
        for way in sorted(self._places, key=len, reverse=True):
            place = self._places.pop(way)
            if place.opening is not None:
                place.opening.cancel()
                with suppress(asyncio.CancelledError):
                    await place.opening
            for shared in place.open:
                await shared.connection.close()

    async def _usable(self, place: _Place[C]) -> SharedBastion[C] | None:
        for shared in list(place.open):
            if not shared.connection.up:
                place.open.remove(shared)
                await shared.connection.close()
        return next((shared for shared in place.open if shared.hosts < CHANNELS), None)

    def _raise_failure(self, place: _Place[C], attempt: Attempt, hop: Hop) -> None:
        error = place.failure
        age_s = asyncio.get_running_loop().time() - place.failed_at
        if error is None or age_s > FAILURE_KEPT_S:
            return
        attempt.phase = error.phase
        if error.category is Category.VIA_JUMP:  # a hop before this one; raised anew for each host
            raise HostError(error.category, error.phase, error.message, transient=error.transient)
        attempt.hop = endpoint(hop.address, hop.port)
        seen = HostError(error.category, error.phase, error.message, transient=is_transient(error))
        raise via_jump(attempt.hop, seen)

    async def _opened(self, place: _Place[C], attempt: Attempt, way: _Way) -> None:
        """Wait until somebody has opened the bastion, or failed to."""
        if place.opening is None or place.attempt is None:
            hop = way[-1]
            label = endpoint(hop.address, hop.port)
            host = Host(
                name=label,
                address=hop.address,
                port=hop.port,
                ssh=replace(hop.ssh, jumps=way[:-1]),
            )
            place.attempt = _HopAttempt(host=host, handshake=attempt.handshake)
            place.attempt.waiting = []
            place.opening = asyncio.create_task(self._open(place, place.attempt, label))
        at_hop, opening = place.attempt, place.opening
        at_hop.waiting.append(attempt)
        at_hop.tell(attempt)
        try:
            await asyncio.shield(opening)
        finally:
            at_hop.waiting.remove(attempt)

    async def _open(self, place: _Place[C], attempt: _HopAttempt, label: str) -> None:
        try:
            connection = await self._open_connection(attempt)
        except HostError as error:
            place.failure = error
            place.failed_at = asyncio.get_running_loop().time()
        else:
            place.failure = None
            place.open.append(SharedBastion(connection=connection, hop=label))
        finally:
            place.opening = None

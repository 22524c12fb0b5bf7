"""Ask every host once, many at a time, each within its time: one outcome per host, always.

Memory follows the concurrency, not the fleet: hosts come from an iterator, outcomes leave through
a callback as they are known. Whatever happens to one host ends in its outcome.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import SockfleetError
from ..core.record import record
from ..core.text import clean
from ..inventory.models import Connection, Host, Probe
from .errors import Category, HostError, Phase
from .outcome import HostFailure, HostOutcome, HostReading, not_attempted
from .pacing.login_limit import AdaptiveLoginLimit
from .pacing.retry import is_transient
from .pacing.schedule import Schedule
from .probe.answer import ProbeAnswer
from .probe.become import Become
from .probe.forced import ForcedProbe
from .probe.full import FullProbe
from .probe.script import ProbeOptions
from .timeouts import attribute_timeout, timeout_error
from .transport import Attempt, Transport, TransportSettings, load_transport

__all__ = ["Engine", "EngineSettings"]

log = logging.getLogger("sockfleet.collector")

_BACKOFF_S = 0.5
_MESSAGE_LIMIT = 1000
_GRACE_S = 1.0  # for what is under way to end once the run is stopped


@record
class EngineSettings:
    """The limits of one scan."""

    concurrency: int = 2000
    """Hosts asked at once, at most (`AdaptiveLoginLimit`)."""
    timeout_s: float = 30.0
    """Everything for one host, all attempts, from its slot on."""
    deadline_s: float | None = None
    """The whole run; None: no limit."""
    deadline_spent_s: float = 0.0
    """How much of ``deadline_s`` was over before this engine began: others began the run."""
    retries: int = 1
    """Further attempts after what may pass by itself."""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """What each host is asked for."""
    become: Become | None = None
    """Ask as root; None: as the user who logs in."""
    transport: str = "asyncssh"
    transport_settings: TransportSettings = field(default_factory=TransportSettings)
    cap_shares: Mapping[str, int] = field(default_factory=dict)
    """Of limits that engines of other processes use too (`schedule.caps_of` names them): how much
    of each this one may use."""


@dataclass(slots=True, eq=False)
class _Asking:
    """A host in its slot; ``attempt`` is the one under way, or the last."""

    attempt: Attempt
    started: float
    lost_s: float
    """What this machine's event loop had lost by then (`HandshakeLimit.lost_s`)."""
    attempts: int = 0


class Engine:
    """One scan. ``transports`` replaces registered transports by name (tests do that)."""

    def __init__(
        self,
        settings: EngineSettings,
        *,
        transports: dict[str, Transport] | None = None,
    ) -> None:
        self._settings = settings
        self._transports: dict[str, Transport] = dict(transports or {})
        self._probes: dict[Probe, FullProbe | ForcedProbe] = {
            Probe.FULL: FullProbe(settings.probe, settings.become),
            Probe.FORCED: ForcedProbe(),
        }
        self._handshakes = AdaptiveLoginLimit(settings.concurrency)
        self._asking: set[_Asking] = set()
        self._stopped = asyncio.Event()
        self._why_stopped = ""
        self._deadline_passed = False

    @property
    def complete(self) -> bool:
        """False once the run was stopped, by its deadline or from outside."""
        return not self._why_stopped

    @property
    def notes(self) -> list[str]:
        """What the transports have to tell beside the outcomes; complete once the run is over."""
        return [note for transport in self._transports.values() for note in transport.notes]

    def stop(self, why: str) -> None:
        """End the run now: what is under way is cut off, the rest is not begun.

        ``why`` completes "stopped by …" in the messages of the hosts it concerns. To be called in
        the event loop's thread, also before `run`.
        """
        self._why_stopped = self._why_stopped or why
        self._stopped.set()

    async def run(self, hosts: Iterable[Host], deliver: Callable[[HostOutcome], None]) -> None:
        """Ask every host and hand each outcome to ``deliver``, exactly one per host.

        Raises only what ``deliver`` raises, and UsageError for an unknown transport.
        """
        loop = asyncio.get_running_loop()
        schedule = Schedule(
            hosts,
            bastion_connections=self._settings.transport_settings.bastion_connections,
            shares=self._settings.cap_shares,
        )
        watch = loop.create_task(self._handshakes.watch())
        deadline = None
        if self._settings.deadline_s is not None:
            left_s = self._settings.deadline_s - self._settings.deadline_spent_s
            if left_s <= 0:
                self._pass_deadline()
            else:
                deadline = loop.call_later(left_s, self._pass_deadline)
        try:
            await self._work(schedule, deliver)
            # What did not even end when it was cut off is accounted for without waiting for it.
            while self._asking:
                asking = self._asking.pop()
                deliver(self._failure(asking, self._cut_off(asking)))
            for host in schedule.rest():
                deliver(not_attempted(host, self._why_stopped))
        finally:
            await _settle([watch])
            if deadline is not None:
                deadline.cancel()
            await self._close_transports()

    async def _work(self, schedule: Schedule, deliver: Callable[[HostOutcome], None]) -> None:
        """Run the workers until the last host is asked or the run is stopped."""
        workers: list[asyncio.Task[None]] = []

        async def work() -> None:
            for _ in range(0 if self._why_stopped else self._settings.concurrency):
                workers.append(asyncio.create_task(self._worker(schedule, deliver)))
                # One a turn: a thousand connects at once would hold up those that have begun.
                await asyncio.sleep(0)
            await asyncio.gather(*workers)

        all_done = asyncio.create_task(work())
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            either: set[asyncio.Future[Any]] = {all_done, stopped}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if all_done.done():
                all_done.result()
        finally:
            all_done.cancel()
            await _settle([stopped, *workers])
            if all_done.done() and not all_done.cancelled():
                all_done.exception()  # looked at, as in _settle

    async def _worker(self, schedule: Schedule, deliver: Callable[[HostOutcome], None]) -> None:
        loop = asyncio.get_running_loop()
        while (host := await self._next(schedule)) is not None:
            asking = _Asking(Attempt(host=host), loop.time(), self._handshakes.lost_s)
            self._asking.add(asking)
            outcome = await self._ask(asking)
            if asking not in self._asking:
                return  # it ended after the run had been cut off and accounted for it
            self._asking.remove(asking)
            schedule.done(host)
            deliver(outcome)

    async def _next(self, schedule: Schedule) -> Host | None:
        await self._handshakes.room()
        host = await schedule.next()
        if host is None:
            self._handshakes.no_more()
        return host

    async def _ask(self, asking: _Asking) -> HostOutcome:
        limit_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._attempts(asking)
        except TimeoutError:
            late = timeout_error(asking.attempt, limit_s)
            return self._failure(asking, self._blamed(late, asking.started, asking.lost_s))

    async def _attempts(self, asking: _Asking) -> HostOutcome:
        while True:
            asking.attempts += 1
            place = self._handshakes.place()
            asking.attempt = Attempt(host=asking.attempt.host, handshake=place.taken)
            began, lost_s = asyncio.get_running_loop().time(), self._handshakes.lost_s
            try:
                return self._reading(asking, await self._ask_once(asking.attempt))
            except HostError as error:
                failed = self._blamed(error, began, lost_s)
            finally:
                place.leave()
            if asking.attempts > self._settings.retries or not is_transient(failed):
                return self._failure(asking, failed)
            # Jittered, so that a switch that comes back does not meet its whole fleet at once.
            pause_s = _BACKOFF_S * 2 ** (asking.attempts - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
            await asyncio.sleep(pause_s)

    async def _ask_once(self, attempt: Attempt) -> ProbeAnswer:
        probe = self._probes[attempt.host.probe]
        try:
            output = await self._transport(attempt.host).execute(attempt, probe.command)
            attempt.phase = Phase.PARSE
            return probe.read(output)
        except SockfleetError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            # A transport translates all that it knows; what it does not know must not end the scan.
            log.debug("unexpected error at %s", attempt.host.name, exc_info=True)
            category = Category.PARSE if attempt.phase is Phase.PARSE else Category.PROTOCOL
            text = clean(f"unexpected {type(error).__name__}: {error}")
            raise HostError(category, attempt.phase, text) from error

    def _blamed(self, error: HostError, began: float, lost_s: float) -> HostError:
        passed_s = asyncio.get_running_loop().time() - began
        return attribute_timeout(error, passed_s=passed_s, lost_s=self._handshakes.lost_s - lost_s)

    def _transport(self, host: Host) -> Transport:
        name = host.transport or self._settings.transport
        if host.connection is Connection.LOCAL:
            name = "local"
        if name not in self._transports:
            self._transports[name] = load_transport(name, self._settings.transport_settings)
        return self._transports[name]

    async def _close_transports(self) -> None:
        for name, transport in self._transports.items():
            try:
                async with asyncio.timeout(_GRACE_S):
                    await transport.aclose()
            except Exception:
                log.debug("closing the %s transport", name, exc_info=True)

    def _pass_deadline(self) -> None:
        self._deadline_passed = True
        self.stop(f"the run's deadline of {self._settings.deadline_s:g} s")

    def _cut_off(self, asking: _Asking) -> HostError:
        category = Category.DEADLINE if self._deadline_passed else Category.NOT_ATTEMPTED
        return HostError(category, asking.attempt.phase, f"cut off by {self._why_stopped}")

    def _reading(self, asking: _Asking, answer: ProbeAnswer) -> HostReading:
        return HostReading(
            host=asking.attempt.host,
            address=asking.attempt.address or asking.attempt.host.address,
            attempts=asking.attempts,
            elapsed_s=asyncio.get_running_loop().time() - asking.started,
            sockstat=answer.sockstat,
            sockstat6=answer.sockstat6,
            kernel=answer.kernel,
            namespaces=answer.namespaces,
            processes=answer.processes,
        )

    def _failure(self, asking: _Asking, error: HostError) -> HostFailure:
        return HostFailure(
            host=asking.attempt.host,
            address=asking.attempt.address or asking.attempt.host.address,
            attempts=asking.attempts,
            elapsed_s=asyncio.get_running_loop().time() - asking.started,
            category=error.category,
            phase=error.phase,
            # Ours quote a host through `clean` already; a third party's transport may not.
            message=clean(error.message, limit=_MESSAGE_LIMIT),
        )


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task: libraries also let such an error out on their own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _settle(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and give it a moment to close its connections."""
    for task in tasks:
        task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=_GRACE_S)
    for task in done:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it a second time

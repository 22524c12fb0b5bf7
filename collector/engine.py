"""Run the probe on every host of a scan, many at once: exactly one outcome per host.

Hosts come from an iterator and each outcome goes to a callback at once, so memory grows with the
concurrency and not with the fleet. An error of one host becomes its outcome; the scan goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from ..core.errors import SockfleetError
from ..core.record import mutable, record
from ..core.text import clean
from ..inventory.models import Connection, Host, Probe
from .errors import Category, HostError, Phase, unexpected_error
from .outcome import HostFailure, HostOutcome, HostReading, not_attempted
from .pacing.login_limit import AdaptiveLoginLimit
from .pacing.retry import retry_delay_s
from .pacing.schedule import Schedule
from .probe.answer import ProbeAnswer
from .probe.become import Become
from .probe.forced_probe import ForcedProbe
from .probe.full_probe import FullProbe
from .probe.script import ProbeOptions
from .timeouts import attribute_timeout, timeout_error
from .transport import Attempt, Transport, TransportSettings, load_transport

__all__ = ["Engine", "EngineSettings"]

log = logging.getLogger("sockfleet.collector")

_MESSAGE_LIMIT = 1000
_GRACE_S = 1.0  # for attempts in progress to end once the run is stopped


@record
class EngineSettings:
    """The settings of one scan: its limits, its probe and its transport."""

    concurrency: int = 2000
    """How many hosts are contacted at once, at most; `AdaptiveLoginLimit` may allow fewer."""
    timeout_s: float = 30.0
    """For one host, all attempts together, from the moment it gets its slot."""
    deadline_s: float | None = None
    """For the whole run; None: no limit."""
    deadline_spent_s: float = 0.0
    """How much of ``deadline_s`` passed before this engine started; another process began the
    run."""
    retries: int = 1
    """Further attempts after a transient failure (`pacing.retry`)."""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """What the probe reads besides the host's own namespace."""
    become: Become | None = None
    """How the probe becomes root; None: it runs as the login user."""
    transport: str = "asyncssh"
    """For hosts that name none."""
    transport_settings: TransportSettings = field(default_factory=TransportSettings)
    cap_shares: Mapping[str, int] = field(default_factory=dict)
    """This engine's share of each limit that engines of other processes use too, by the names of
    `schedule.caps_of`."""


@mutable
class _ActiveHost:
    """A host that has a slot; ``attempt`` is its current or last one."""

    attempt: Attempt
    started: float
    lost_s: float
    """`AdaptiveLoginLimit.lost_s` when it started."""
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
        self._login_limit = AdaptiveLoginLimit(settings.concurrency)
        self._active: set[_ActiveHost] = set()
        self._stopped = asyncio.Event()
        self._stop_reason = ""
        self._deadline_passed = False

    @property
    def complete(self) -> bool:
        """False once the run was stopped, by its deadline or by `stop`."""
        return not self._stop_reason

    @property
    def stop_reason(self) -> str:
        """What stopped the run: its deadline, or the ``why`` of `stop`; empty: nothing."""
        return self._stop_reason

    @property
    def notes(self) -> list[str]:
        """The transports' notes for the user; complete once the run has ended."""
        return [note for transport in self._transports.values() for note in transport.notes]

    def stop(self, why: str) -> None:
        """End the run now: cut off the hosts in progress and skip the rest.

        ``why`` completes "stopped by …" in the messages of these hosts. Call it in the event
        loop's thread; also before `run`.
        """
        self._stop_reason = self._stop_reason or why
        self._stopped.set()

    async def run(self, hosts: Iterable[Host], deliver: Callable[[HostOutcome], None]) -> None:
        """Contact every host and call ``deliver`` with its outcome, exactly once per host.

        Raises what ``deliver`` raises, and UsageError for an unknown transport; nothing else.
        """
        loop = asyncio.get_running_loop()
        schedule = Schedule(
            hosts,
            bastion_connections=self._settings.transport_settings.bastion_connections,
            shares=self._settings.cap_shares,
        )
        adapting = loop.create_task(self._login_limit.adapt_until_cancelled())
        deadline = None
        if self._settings.deadline_s is not None:
            left_s = self._settings.deadline_s - self._settings.deadline_spent_s
            if left_s <= 0:
                self._pass_deadline()
            else:
                deadline = loop.call_later(left_s, self._pass_deadline)
        try:
            await self._run_workers(schedule, deliver)
            # A host whose attempt ignores its cancellation has an outcome too, without delay.
            while self._active:
                active = self._active.pop()
                deliver(self._make_failure(active, self._cut_off_error(active)))
            for host in schedule.remaining():
                deliver(not_attempted(host, self._stop_reason))
        finally:
            await _cancel_and_wait([adapting])
            if deadline is not None:
                deadline.cancel()
            await self._close_transports()

    async def _run_workers(
        self, schedule: Schedule, deliver: Callable[[HostOutcome], None]
    ) -> None:
        """Run the workers until the last host has its outcome or the run is stopped."""
        workers: list[asyncio.Task[None]] = []

        async def work() -> None:
            for _ in range(0 if self._stop_reason else self._settings.concurrency):
                workers.append(asyncio.create_task(self._work(schedule, deliver)))
                # One per loop iteration: a thousand connects at once would delay those in progress.
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
            await _cancel_and_wait([stopped, *workers])
            if all_done.done() and not all_done.cancelled():
                all_done.exception()  # retrieved, as in _cancel_and_wait

    async def _work(self, schedule: Schedule, deliver: Callable[[HostOutcome], None]) -> None:
        """Contact one host after another until none is left."""
        loop = asyncio.get_running_loop()
        while (host := await self._next_host(schedule)) is not None:
            active = _ActiveHost(Attempt(host=host), loop.time(), self._login_limit.lost_s)
            self._active.add(active)
            outcome = await self._contact(active)
            if active not in self._active:
                return  # `run` was stopped meanwhile and has delivered a failure for it
            self._active.remove(active)
            schedule.release(host)
            deliver(outcome)

    async def _next_host(self, schedule: Schedule) -> Host | None:
        await self._login_limit.wait_to_connect()
        host = await schedule.next()
        if host is None:
            self._login_limit.end_connecting()
        return host

    async def _contact(self, active: _ActiveHost) -> HostOutcome:
        limit_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._attempt_until_done(active)
        except TimeoutError:
            error = timeout_error(active.attempt, limit_s)
            error = self._attribute_timeout(error, active.started, active.lost_s)
            return self._make_failure(active, error)

    async def _attempt_until_done(self, active: _ActiveHost) -> HostOutcome:
        while True:
            active.attempts += 1
            slot = self._login_limit.slot()
            active.attempt = Attempt(host=active.attempt.host, handshake=slot.held)
            began, lost_s = asyncio.get_running_loop().time(), self._login_limit.lost_s
            try:
                return self._make_reading(active, await self._run_probe(active.attempt))
            except HostError as raised:
                error = self._attribute_timeout(raised, began, lost_s)
            finally:
                slot.release()
            delay_s = retry_delay_s(error, attempts=active.attempts, retries=self._settings.retries)
            if delay_s is None:
                return self._make_failure(active, error)
            await asyncio.sleep(delay_s)

    async def _run_probe(self, attempt: Attempt) -> ProbeAnswer:
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
            # Transports translate the errors they know; any other must not end the scan.
            log.debug("unexpected error at %s", attempt.host.name, exc_info=True)
            raise unexpected_error(error, attempt.phase) from error

    def _attribute_timeout(self, error: HostError, began: float, lost_s: float) -> HostError:
        passed_s = asyncio.get_running_loop().time() - began
        return attribute_timeout(error, passed_s=passed_s, lost_s=self._login_limit.lost_s - lost_s)

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

    def _cut_off_error(self, active: _ActiveHost) -> HostError:
        category = Category.DEADLINE if self._deadline_passed else Category.NOT_ATTEMPTED
        return HostError(category, active.attempt.phase, f"cut off by {self._stop_reason}")

    def _make_reading(self, active: _ActiveHost, answer: ProbeAnswer) -> HostReading:
        return HostReading(
            host=active.attempt.host,
            address=active.attempt.address or active.attempt.host.address,
            attempts=active.attempts,
            elapsed_s=asyncio.get_running_loop().time() - active.started,
            sockstat=answer.sockstat,
            sockstat6=answer.sockstat6,
            kernel=answer.kernel,
            namespaces=answer.namespaces,
            processes=answer.processes,
        )

    def _make_failure(self, active: _ActiveHost, error: HostError) -> HostFailure:
        return HostFailure(
            host=active.attempt.host,
            address=active.attempt.address or active.attempt.host.address,
            attempts=active.attempts,
            elapsed_s=asyncio.get_running_loop().time() - active.started,
            category=error.category,
            phase=error.phase,
            # Our transports clean what they quote; a third party's may not.
            message=clean(error.message, limit=_MESSAGE_LIMIT),
            unknown_key=error.unknown_key,
        )


def _is_cancelled() -> bool:
    """Whether this task is being cancelled; libraries also raise CancelledError on their own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _cancel_and_wait(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait briefly while they close their connections."""
    for task in tasks:
        task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=_GRACE_S)
    for task in done:
        if not task.cancelled():
            task.exception()  # retrieved: else asyncio logs it as never retrieved

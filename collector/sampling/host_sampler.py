"""Sample one host over its open connection, by the cheapest method that works there.

The methods, each for where the one before is not allowed or does not read enough:

* SFTP with open files (`collector.sampling.sftp`) reads only the host's own namespace;
* a shell loop (`collector.sampling.shell`) reads every listed namespace;
* the full probe as a command each time serves forced commands, root, and lists of processes.

A connection has at most one session at a time, so MaxSessions 1 needs no special case. What a
sample does not read (the kernel's limits, the names of namespaces) comes from the last full probe.
That runs again every minute, and at once when a process begins in a namespace that is not listed,
or a listed namespace loses its process.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from ...inventory.models import Probe
from ..asyncssh.connection import Connection
from ..errors import Category, HostError
from ..outcome import HostReading
from ..probe.answer import ProbeAnswer
from ..probe.kernel import Kernel
from ..probe.namespaces import Namespaces
from ..probe.sockstat import Sockstat
from ..transport import CommandOutput
from .methods import SamplingMethod, SamplingPlan, methods_of
from .namespaces import build_namespaces
from .session import Answer, SamplingSession
from .sftp import SftpHandles
from .shell import ALL, FULL, OWN, list_request, parse_sample

__all__ = ["SOONEST_REFRESH_S", "HostSampler", "StaleError"]

T = TypeVar("T")

log = logging.getLogger("sockfleet.collector")

SOONEST_REFRESH_S = 5.0
"""The shortest time between two full probes while namespaces begin and end; a sample in between is
an upper bound and says so."""


class StaleError(Exception):
    """The list of namespaces is out of date: `HostSampler.refresh` is due."""


class _Probe(Protocol):
    """A probe that is one command: `FullProbe` or `ForcedProbe`."""

    command: str

    def read(self, output: CommandOutput) -> ProbeAnswer:
        """As `FullProbe.read`."""
        ...


class HostSampler:
    """A host's connection, its session, and the lasting values of its last full probe."""

    __slots__ = (
        "_handles",
        "_host",
        "_kernel",
        "_list",
        "_methods",
        "_namespaces",
        "_plan",
        "_refresh_due",
        "_refreshed_at",
        "_session",
        "_unlisted",
        "_unwatched",
        "_was_sampled",
        "address",
        "connection",
    )

    def __init__(self, connection: Connection, reading: HostReading, plan: SamplingPlan) -> None:
        self.connection = connection
        self._plan = plan
        self._host = reading.host
        self.address = reading.address
        """As `HostReading.address`."""
        self._kernel = _lasting_values(reading.kernel)
        self._namespaces = reading.namespaces
        self._methods = methods_of(reading, plan)
        self._session: SamplingSession | None = None
        self._handles: SftpHandles | None = None
        self._list = b""
        self._unlisted = self._unwatched = self._was_sampled = False
        self._refreshed_at = asyncio.get_running_loop().time()
        self._refresh_due = 0.0

    @property
    def method(self) -> SamplingMethod:
        """The method in use, as far as is known."""
        return self._methods[0]

    @property
    def was_sampled(self) -> bool:
        """Whether the connection gave a sample after the probe for which it was made."""
        return self._was_sampled

    @property
    def is_up(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return self.connection.up

    @property
    def needs_session(self) -> bool:
        """Whether its method needs a session that is not open yet."""
        return self._session is None and self._methods[0] is not SamplingMethod.COMMAND

    def is_ready(self, now: float) -> bool:
        """Whether `request_sample` is possible; else `refresh` is due."""
        return (
            now < self._refresh_due
            and self._session is not None
            and self._session.is_open
            and self._methods[0] is not SamplingMethod.COMMAND
        )

    def request_sample(self, answer: Answer) -> None:
        """Request one sample for ``answer``; `parse_answer` parses what it gets.

        Raises StaleError without a session.
        """
        if self._handles is not None:
            self._handles.request_sample(answer)
            return
        if self._session is None:
            raise StaleError
        request, self._list = self._list, b""
        request += ALL if self._namespaces is not None and self._namespaces.seen else OWN
        self._session.send_request(request, self._ends_sample, answer)

    def _ends_sample(self, received: bytes | bytearray) -> bool:
        return received.endswith(self._plan.sample_ends)

    def _ends_probe(self, received: bytes | bytearray) -> bool:
        return received.endswith(self._plan.probe_ends)

    def parse_answer(self, data: bytes, *, requested_at: float | None) -> HostReading:
        """Parse a sample. Raises HostError, and StaleError where a refresh is due first."""
        now = asyncio.get_running_loop().time()
        elapsed_s = 0.0 if requested_at is None else now - requested_at
        if self._handles is not None:
            sockstat, sockstat6 = self._handles.parse_answer(data)
            return self._make_reading(sockstat, sockstat6, self._without_listed(), elapsed_s)
        sample = parse_sample(data, self._plan.mark)
        known = self._namespaces
        if known is None or not known.seen:
            return self._make_reading(sample.sockstat, sample.sockstat6, known, elapsed_s)
        # These stay set until the next list, as each process is checked only once.
        self._unlisted |= sample.unlisted_pid is not None
        self._unwatched |= sample.cannot_check or sample.unchecked is not None
        is_stale = self._unlisted or self._unwatched or None in sample.listed.values()
        if is_stale and now - self._refreshed_at >= SOONEST_REFRESH_S:
            raise StaleError
        namespaces = build_namespaces(
            known, sample, unlisted=self._unlisted, unwatched=self._unwatched
        )
        return self._make_reading(sample.sockstat, sample.sockstat6, namespaces, elapsed_s)

    async def refresh(self) -> HostReading:
        """Sample by what takes longer: a full probe, a new session, or the next method.

        Raises HostError where no method works.
        """
        began = asyncio.get_running_loop().time()
        while True:
            method, was_open = self._methods[0], self._session is not None
            try:
                reading = await self._refresh_by(method)
                self._log_method(method)
                break
            except HostError as error:
                if not self.connection.up or (len(self._methods) == 1 and not was_open):
                    raise
                await self._end_session()
                if was_open:
                    continue  # only the session may have ended, such as a killed shell
                log.info("%s cannot be sampled by %s: %s", self._host.name, method, error)
                self._methods = self._methods[1:]
        return replace(reading, elapsed_s=asyncio.get_running_loop().time() - began)

    def _log_method(self, method: SamplingMethod) -> None:
        if not self._was_sampled:
            self._was_sampled = True
            log.info("%s is sampled by %s", self._host.name, method)

    async def _refresh_by(self, method: SamplingMethod) -> HostReading:
        if method is SamplingMethod.SFTP:
            return await self._refresh_by_sftp()
        if method is SamplingMethod.SHELL:
            return await self._refresh_by_shell()
        forced = self._host.probe is Probe.FORCED
        return await self._run(self._plan.forced if forced else self._plan.probe)

    async def _refresh_by_sftp(self) -> HostReading:
        if self._handles is not None and self._handles.session.is_open:
            await self._end_session()
            reading = await self._run(self._plan.probe)
            await self._open_files()
            return reading
        handles = await self._open_files()
        self._plan_refresh()
        sockstat, sockstat6 = await handles.sample()
        return self._make_reading(sockstat, sockstat6, self._without_listed(), 0.0)

    def _without_listed(self) -> Namespaces | None:
        """Why none could be read, or that there is only one; None where some were listed."""
        known = self._namespaces
        return known if known is not None and not known.seen else None

    async def _open_files(self) -> SftpHandles:
        self._handles = await self._in_session(lambda: SftpHandles.open(self.connection))
        self._session = self._handles.session
        return self._handles

    async def _refresh_by_shell(self) -> HostReading:
        if self._session is None or not self._session.is_open:
            await self._end_session()
            self._session = await self._in_session(
                lambda: SamplingSession.open(self.connection, command=self._plan.command)
            )
        data = await self._session.request(FULL, self._ends_probe)
        output = CommandOutput(stdout=data, stderr=b"", exit_status=0)
        reading = self._keep_probe(self._plan.probe.read(output))
        if reading.namespaces is not None:
            others = [each.pid for each in reading.namespaces.seen if not each.is_host]
            self._list = list_request(others)
            if reading.namespaces.rest_namespaces:
                self._refresh_due = 0.0  # those beyond the named ones cannot be listed
        return reading

    async def _run(self, probe: _Probe) -> HostReading:
        output = await self._in_session(
            lambda: self.connection.run(probe.command, then_closed=True)
        )
        return self._keep_probe(probe.read(output))

    async def _in_session(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Open a session with ``begin``; try a second time where the server refuses one.

        sshd counts a closed session until it has handled all packets that came with its end
        (channel_garbage_collect() in its channels.c). With MaxSessions 1 it refuses a request that
        comes in the same packets, and accepts the next one.
        """
        try:
            return await begin()
        except HostError as error:
            if error.category is not Category.SESSION_REFUSED or not self.connection.up:
                raise
        return await begin()

    def _keep_probe(self, answer: ProbeAnswer) -> HostReading:
        self._kernel = _lasting_values(answer.kernel)
        self._namespaces = answer.namespaces
        self._unlisted = self._unwatched = False
        self._plan_refresh()
        reading = self._make_reading(answer.sockstat, answer.sockstat6, answer.namespaces, 0.0)
        return replace(reading, kernel=answer.kernel, processes=answer.processes)

    def _plan_refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        self._refreshed_at = now
        # Jitter spreads the full probes of a fleet.
        self._refresh_due = now + self._plan.refresh_s * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)

    def _make_reading(
        self,
        sockstat: Sockstat,
        sockstat6: Sockstat | None,
        namespaces: Namespaces | None,
        elapsed_s: float,
    ) -> HostReading:
        return HostReading(
            host=self._host,
            address=self.address,
            attempts=1,
            elapsed_s=elapsed_s,
            sockstat=sockstat,
            sockstat6=sockstat6,
            kernel=self._kernel,
            namespaces=namespaces,
        )

    async def _end_session(self) -> None:
        session, self._session, self._handles = self._session, None, None
        if session is not None:
            await session.close()

    async def find_cause(self, error: HostError) -> HostError:
        """Return ``error``, or the failure of the bastion or proxy that caused it."""
        return await self.connection.explain(error)

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()


def _lasting_values(kernel: Kernel) -> Kernel:
    """Return the kernel without the counts that are valid only at the moment of the full probe."""
    return replace(kernel, tcp_estab=None, file_nr=None)

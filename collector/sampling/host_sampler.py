"""One host on a connection that stays open, and by what it is sampled there.

From the cheapest to the dearest, each where the one before is not allowed or does not tell enough:

* SFTP with files that stay open (`collector.sampling.sftp`): the host's own namespace alone;
* a shell that stays (`collector.sampling.shell`): every namespace that is listed;
* the whole probe once more, as a command: a key with a forced command, what needs root, processes.

There is never more than one session at a time, so that MaxSessions 1 is no special case. What a
sample does not tell (the kernel's limits, the names of namespaces) is that of the last whole
probe, which is run again every minute, and at once when a process began in a namespace that is not
listed or a listed one has lost its process.
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
from .session import SamplingSession
from .sftp import SftpHandles, parse_reads
from .shell import (
    ALL,
    FULL,
    OWN,
    list_request,
    parse_sample,
)

__all__ = ["SOONEST_REFRESH_S", "HostSampler", "StaleError"]

T = TypeVar("T")

log = logging.getLogger("sockfleet.collector")

SOONEST_REFRESH_S = 5.0
"""Where namespaces come and go all the time, samples in between are upper bounds and say so."""


class StaleError(Exception):
    """The list of namespaces is not the host's any more: `WarmHost.renew` is due at once."""


class _Asked(Protocol):
    """The probes of one command."""

    command: str

    def read(self, output: CommandOutput) -> ProbeAnswer:
        """As `FullProbe.read`."""
        ...


class HostSampler:
    """A host's connection, its session, and what lasts of its last whole reading."""

    __slots__ = (
        "_handles",
        "_host",
        "_is_told",
        "_kernel",
        "_list",
        "_namespaces",
        "_plan",
        "_refresh_at",
        "_refreshed_at",
        "_session",
        "_unlisted",
        "_unwatched",
        "_ways",
        "address",
        "connection",
    )

    def __init__(self, connection: Connection, reading: HostReading, plan: SamplingPlan) -> None:
        self.connection = connection
        self._plan = plan
        self._host = reading.host
        self.address = reading.address
        """As `HostReading.address`."""
        self._kernel = _lasting(reading.kernel)
        self._namespaces = reading.namespaces
        self._ways = methods_of(reading, plan)
        self._session: SamplingSession | None = None
        self._handles: SftpHandles | None = None
        self._list = b""
        self._unlisted = self._unwatched = self._is_told = False
        self._refreshed_at = asyncio.get_running_loop().time()
        self._refresh_at = 0.0

    @property
    def way(self) -> SamplingMethod:
        """By what it is sampled, as far as is known."""
        return self._ways[0]

    @property
    def was_sampled(self) -> bool:
        """Whether the connection was of any use after the command that it was made for."""
        return self._is_told

    @property
    def is_up(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return self.connection.up

    @property
    def opens_session(self) -> bool:
        """Whether what it is sampled by must be opened first, as far as is known."""
        return self._session is None and self._ways[0] is not SamplingMethod.COMMAND

    def is_quick(self, now: float) -> bool:
        """Whether `ask` will do; else `renew` is due."""
        return (
            now < self._refresh_at
            and self._session is not None
            and self._session.is_open
            and self._ways[0] is not SamplingMethod.COMMAND
        )

    def ask(self) -> asyncio.Future[bytes]:
        """Ask for one sample; `answered` reads it. Raises StaleError unless `is_quick`."""
        if self._handles is not None:
            return self._handles.ask()
        if self._session is None:
            raise StaleError
        request, self._list = self._list, b""
        request += OWN if self._namespaces is None else ALL
        return self._session.ask(request, self._ends_a_sample)

    def _ends_a_sample(self, received: bytearray) -> bool:
        return received.endswith(self._plan.sample_end)

    def _ends_a_probe(self, received: bytearray) -> bool:
        return received.endswith(self._plan.probe_end)

    def answered(self, data: bytes, *, asked_at: float | None) -> HostReading:
        """The sample. Raises HostError, and StaleError where it would not be exact."""
        now = asyncio.get_running_loop().time()
        elapsed_s = 0.0 if asked_at is None else now - asked_at
        if self._handles is not None:
            sockstat, sockstat6 = parse_reads(data)
            return self._reading(sockstat, sockstat6, None, elapsed_s)
        sample = parse_sample(data, self._plan.mark)
        known = self._namespaces
        if known is None:
            return self._reading(sample.sockstat, sample.sockstat6, None, elapsed_s)
        # What was once not seen stays so until the next list: nobody looks at a process again.
        self._unlisted |= sample.stranger is not None
        self._unwatched |= sample.blind or sample.unseen is not None
        is_stale = self._unlisted or self._unwatched or None in sample.listed.values()
        if is_stale and now - self._refreshed_at >= SOONEST_REFRESH_S:
            raise StaleError
        namespaces = replace(
            build_namespaces(known, sample), unlisted=self._unlisted, unwatched=self._unwatched
        )
        return self._reading(sample.sockstat, sample.sockstat6, namespaces, elapsed_s)

    async def renew(self) -> HostReading:
        """A sample by what takes longer: the whole probe, a new session, another way.

        Raises HostError where the host cannot be sampled at all.
        """
        began = asyncio.get_running_loop().time()
        while True:
            way, was_open = self._ways[0], self._session is not None
            try:
                reading = await self._renewed(way)
                self._tell(way)
                break
            except HostError as error:
                if not self.connection.up or (len(self._ways) == 1 and not was_open):
                    raise
                await self._end_session()
                if was_open:
                    continue  # the session alone may have ended, killed say, and nobody knew yet
                log.info("%s cannot be sampled by %s: %s", self._host.name, way, error)
                self._ways = self._ways[1:]
        return replace(reading, elapsed_s=asyncio.get_running_loop().time() - began)

    def _tell(self, way: SamplingMethod) -> None:
        if not self._is_told:
            self._is_told = True
            log.info("%s is sampled by %s", self._host.name, way)

    async def _renewed(self, way: SamplingMethod) -> HostReading:
        if way is SamplingMethod.SFTP:
            return await self._renewed_by_sftp()
        if way is SamplingMethod.SHELL:
            return await self._renewed_by_shell()
        forced = self._host.probe is Probe.FORCED
        return await self._run(self._plan.forced if forced else self._plan.probe)

    async def _renewed_by_sftp(self) -> HostReading:
        if self._handles is not None and self._handles.session.is_open:
            await self._end_session()
            reading = await self._run(self._plan.probe)
            await self._open_files()
            return reading
        handles = await self._open_files()
        self._plan_refresh()
        sockstat, sockstat6 = parse_reads(await handles.ask())
        return self._reading(sockstat, sockstat6, None, 0.0)

    async def _open_files(self) -> SftpHandles:
        self._handles = await self._in_session(lambda: SftpHandles.open(self.connection))
        self._session = self._handles.session
        return self._handles

    async def _renewed_by_shell(self) -> HostReading:
        if self._session is None or not self._session.is_open:
            await self._end_session()
            self._session = await self._in_session(
                lambda: SamplingSession.open(self.connection, command=self._plan.command)
            )
        data = await self._session.ask(FULL, self._ends_a_probe)
        output = CommandOutput(stdout=data, stderr=b"", exit_status=0)
        reading = self._whole(self._plan.probe.read(output))
        if reading.namespaces is not None:
            others = [one.pid for one in reading.namespaces.seen if not one.is_host]
            self._list = list_request(others)
            if reading.namespaces.rest_namespaces:
                self._refresh_at = 0.0  # those that are not named cannot be listed
        return reading

    async def _run(self, probe: _Asked) -> HostReading:
        output = await self._in_session(
            lambda: self.connection.run(probe.command, then_closed=True)
        )
        return self._whole(probe.read(output))

    async def _in_session(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Begin what needs a session, with a second try where none is allowed.

        sshd counts a session that has just been closed until it has gone through all that was
        sent with the end of it (channel_garbage_collect() in its channels.c): where it allows one
        alone, the request for the next comes too early if it comes along. Its refusal does not.
        """
        try:
            return await begin()
        except HostError as error:
            if error.category is not Category.SESSION_REFUSED or not self.connection.up:
                raise
        return await begin()

    def _whole(self, answer: ProbeAnswer) -> HostReading:
        self._kernel = _lasting(answer.kernel)
        self._namespaces = answer.namespaces
        self._unlisted = self._unwatched = False
        self._plan_refresh()
        return HostReading(
            host=self._host,
            address=self.address,
            attempts=1,
            elapsed_s=0.0,
            sockstat=answer.sockstat,
            sockstat6=answer.sockstat6,
            kernel=answer.kernel,
            namespaces=answer.namespaces,
            processes=answer.processes,
        )

    def _plan_refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        self._refreshed_at = now
        # Not all hosts of a fleet at once.
        self._refresh_at = now + self._plan.refresh_s * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)

    def _reading(
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

    async def reason(self, error: HostError) -> HostError:
        """``error``, or what is behind it: a bastion or proxy that went away."""
        return await self.connection.way.reason(error)

    async def close(self) -> None:
        """Drop the connection."""
        await self.connection.close()


def _lasting(kernel: Kernel) -> Kernel:
    """Without what belongs to the moment of the whole probe."""
    return replace(kernel, tcp_estab=None)

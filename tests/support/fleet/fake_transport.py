"""A transport without a network: each host runs its script."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable

from sockfleet.collector.transport import Attempt, CommandOutput
from sockfleet.inventory.models import Host

SOCKSTAT = b"sockets: used 400\nTCP: inuse 143 orphan 1 tw 38 alloc 247 mem 86\n"
SOCKSTAT6 = b"TCP6: inuse 4\n"

Script = Callable[[Attempt, str], Awaitable[CommandOutput]]


def mark_of(command: str) -> str:
    return re.search(r"m=(sockfleet-[0-9a-f]{16})", command)[1]


def answer(command: str, sockstat: bytes = SOCKSTAT, sockstat6: bytes | None = SOCKSTAT6) -> bytes:
    """The output of the probe on a host with these two files."""
    mark = mark_of(command).encode()
    six = b"" if sockstat6 is None else b"\n==> /proc/net/sockstat6 <==\n" + sockstat6
    return b"\n%b begin\n==> /proc/net/sockstat <==\n%b%b\n%b end\n" % (mark, sockstat, six, mark)


async def good(attempt: Attempt, command: str) -> CommandOutput:
    async with attempt.handshake():
        attempt.address = "192.0.2.1"
    return CommandOutput(stdout=answer(command), stderr=b"", exit_status=0)


class FakeTransport:
    """Runs ``scripts[host.name]``, else ``good``; counts attempts and concurrent runs."""

    notes = ()

    def __init__(self, **scripts: Script) -> None:
        self.scripts = scripts
        self.attempts: Counter[str] = Counter()
        self.running = 0
        self.most_running = 0
        self.closed = False

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        self.attempts[attempt.host.name] += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self.scripts.get(attempt.host.name, good)(attempt, command)
        finally:
            self.running -= 1

    async def aclose(self) -> None:
        self.closed = True


def hosts(*names: str, **fields: object) -> list[Host]:
    return [Host(name=name, address=name, **fields) for name in names]

"""What the public path adds to asyncssh's own calls."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from sockfleet.collector.asyncssh.public_api_connection import _Connection
from sockfleet.collector.ssh.byte_budget import ByteBudget
from sockfleet.collector.transport import OUTPUT_LIMIT

CHANNELS = 5


class HoldingConnection:
    """As asyncssh: what comes while a channel opens is passed on in the loop's next turn."""

    def __init__(self, bastion: ByteBudget) -> None:
        self.bastion = bastion
        self.has_come = asyncio.Event()
        self.coming = 0
        self.abort = self.wait_closed = lambda: None

    async def create_connection(self, factory, host, port, *, window):
        stream = factory()
        self.bastion.spend(window)
        self.coming += 1
        if self.coming == CHANNELS:
            self.has_come.set()
        await self.has_come.wait()
        asyncio.get_running_loop().call_soon(stream.data_received, window)


class Stream:
    def give_back_to(self, carrier: ByteBudget) -> None:
        self.data_received = carrier.give_back


def test_floods_of_channels_that_open_at_once_do_not_use_up_the_bastions_budget():
    async def open_all() -> None:
        connection = _Connection(HoldingConnection(bastion), SimpleNamespace(budget=bastion))
        await asyncio.gather(
            *(connection.open_stream(Stream(), "web", port) for port in range(CHANNELS))
        )

    bastion = ByteBudget()
    bastion.expect_channels()
    asyncio.run(open_all())
    assert bastion.spend(OUTPUT_LIMIT)  # all of its own is left, and no more
    assert not bastion.spend(OUTPUT_LIMIT)

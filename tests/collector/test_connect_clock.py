"""The connect timeout, by a virtual clock."""

from __future__ import annotations

import asyncio

import pytest
import virtual_time

from sockfleet.collector.connect_clock import ConnectClock
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host


def attempt(phase: Phase) -> Attempt:
    return Attempt(host=Host(name="web1", address="192.0.2.1"), phase=phase)


def test_when_time_is_up_the_phase_says_what_it_was():
    async def main() -> float:
        with pytest.raises(HostError) as raised:
            async with ConnectClock(attempt(Phase.KEX), 5, spent_s=2):
                await asyncio.Event().wait()
        assert raised.value.category is Category.KEX_TIMEOUT
        assert "after 5 s" in raised.value.message
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(3)


def test_it_stands_still_while_stopped():
    async def login() -> None:
        async with ConnectClock(attempt(Phase.AUTH), 5) as clock:
            await asyncio.sleep(1)
            with clock.stopped():
                await asyncio.sleep(1000)
            assert clock.left_s == pytest.approx(4)
            await asyncio.Event().wait()

    async def main() -> float:
        with pytest.raises(HostError):
            await login()
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(1005)


def test_in_time_it_is_not_noticed():
    async def main() -> None:
        async with ConnectClock(attempt(Phase.AUTH), 5):
            await asyncio.sleep(4)
        await asyncio.sleep(100)

    virtual_time.run(main())


def test_a_timeout_of_another_kind_stays_what_it_is():
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with ConnectClock(attempt(Phase.AUTH), 5):
                raise TimeoutError

    virtual_time.run(main())


def test_being_cancelled_is_no_timeout():
    async def main() -> None:
        async def wait() -> None:
            async with ConnectClock(attempt(Phase.AUTH), 5) as clock:
                with clock.stopped():
                    await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    virtual_time.run(main())

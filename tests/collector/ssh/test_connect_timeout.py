"""The connect timeout, by a virtual clock."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.connect_timeout import ConnectTimeout
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host
from tests.support import virtual_time


def attempt(phase: Phase = Phase.AUTH) -> Attempt:
    return Attempt(host=Host(name="web1", address="192.0.2.1"), phase=phase)


async def wait_forever() -> None:
    await asyncio.Event().wait()


def test_the_error_has_the_category_of_the_phase():
    async def main() -> float:
        with pytest.raises(HostError) as raised:
            async with ConnectTimeout(attempt(Phase.KEX), 5, spent_s=2):
                await wait_forever()
        assert raised.value.category is Category.KEX_TIMEOUT
        assert "after 5 s" in raised.value.message
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(3)


def test_a_timeout_of_another_kind_stays_as_it_is():
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with ConnectTimeout(attempt(), 5):
                raise TimeoutError

    virtual_time.run(main())


def test_no_time_left_ends_the_login_at_its_first_wait():
    async def main() -> None:
        with pytest.raises(HostError):
            async with ConnectTimeout(attempt(), 5, spent_s=6):
                await wait_forever()

    virtual_time.run(main())


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize("after_s", [1, 5])
def test_a_cancellation_from_outside_is_passed_on(after_s, is_stopped):
    """Also at the very moment at which the time is up."""

    async def log_in() -> None:
        async with ConnectTimeout(attempt(), 5) as clock:
            with clock.stopped() if is_stopped else nullcontext():
                await wait_forever()

    async def main() -> None:
        task = asyncio.create_task(log_in())
        asyncio.get_running_loop().call_later(after_s, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    virtual_time.run(main())


def test_a_stopped_clock_stands_still():
    async def log_in() -> None:
        async with ConnectTimeout(attempt(), 5) as clock:
            await asyncio.sleep(1)
            with clock.stopped():
                await asyncio.sleep(100)
            await wait_forever()

    async def main() -> float:
        with pytest.raises(HostError):
            await log_in()
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(105)


def test_a_clock_that_is_stopped_after_its_time_still_ends_the_login():
    async def log_in(clock: ConnectTimeout) -> None:
        try:
            await wait_forever()
        except asyncio.CancelledError:
            with clock.stopped():
                await asyncio.sleep(100)
            raise

    async def main() -> None:
        with pytest.raises(HostError):
            async with ConnectTimeout(attempt(), 1) as clock:
                await log_in(clock)

    virtual_time.run(main())


def test_a_question_that_outlives_the_login_cancels_nothing_later():
    """A connection's own task may still wait for the user when its login is given up."""

    async def ask(clock: ConnectTimeout) -> None:
        with clock.stopped():
            await wait_forever()

    async def log_in() -> asyncio.Task[None]:
        async with ConnectTimeout(attempt(), 5) as clock:
            asking = asyncio.create_task(ask(clock))
            await asyncio.sleep(1)
        return asking

    async def main() -> None:
        asking = await log_in()
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        await asyncio.sleep(10)

    virtual_time.run(main())

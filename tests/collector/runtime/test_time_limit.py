"""A limit on the time that something may take, by a virtual clock."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from sockfleet.collector.runtime.time_limit import TimeLimit
from tests.support import virtual_time


async def forever() -> None:
    await asyncio.Event().wait()


def test_what_takes_too_long_is_ended():
    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError), TimeLimit(3):
            await forever()
        task = asyncio.current_task()
        assert task is not None
        return loop.time(), task.cancelling()

    assert virtual_time.run(main()) == (pytest.approx(3), 0)


def test_what_ends_in_time_hears_nothing_of_it():
    async def main() -> str:
        with TimeLimit(3) as limit:
            await asyncio.sleep(1)
            assert limit.left_s == pytest.approx(2)
        await asyncio.sleep(10)
        return "ended"

    assert virtual_time.run(main()) == "ended"


@pytest.mark.parametrize(("inner_s", "outer_s"), [(1, 5), (5, 1)])
def test_of_two_the_shorter_one_ends_it(inner_s, outer_s):
    async def main() -> list[str]:
        ended = []
        try:
            with TimeLimit(outer_s):
                try:
                    with TimeLimit(inner_s):
                        await forever()
                except TimeoutError:
                    ended.append("inner")
        except TimeoutError:
            ended.append("outer")
        return ended

    assert virtual_time.run(main()) == ["inner" if inner_s < outer_s else "outer"]


def test_two_that_end_at_once_both_do():
    """As with `asyncio.timeout`: the inner one hands on what the outer one has cancelled."""

    async def main() -> None:
        with pytest.raises(TimeoutError), TimeLimit(2), TimeLimit(2):
            await forever()
        await asyncio.sleep(1)

    virtual_time.run(main())


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize("after_s", [1, 5])
def test_being_cancelled_by_somebody_else_is_passed_on(after_s, is_stopped):
    """Also at the very moment at which the time is up."""

    async def limited() -> None:
        with TimeLimit(5) as limit, limit.stopped() if is_stopped else nullcontext():
            await forever()

    async def main() -> None:
        task = asyncio.create_task(limited())
        asyncio.get_running_loop().call_later(after_s, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    virtual_time.run(main())


def test_an_error_stays_what_it_is_when_time_is_up_as_well():
    async def fail() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            raise KeyError from None

    async def main() -> None:
        with pytest.raises(KeyError), TimeLimit(1):
            await fail()
        await asyncio.sleep(1)  # the task is not cancelled any more

    virtual_time.run(main())


def test_it_stands_still_while_stopped():
    async def rest(limit: TimeLimit) -> None:
        await asyncio.sleep(1)
        with limit.stopped():
            await asyncio.sleep(100)
        assert limit.left_s == pytest.approx(4)
        await forever()

    async def main() -> float:
        with pytest.raises(TimeoutError), TimeLimit(5) as limit:
            await rest(limit)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(105)


def test_stopped_when_time_is_up_it_ends_all_the_same():
    async def rest_when_ended(limit: TimeLimit) -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            with limit.stopped():
                await asyncio.sleep(100)
            raise

    async def main() -> None:
        with pytest.raises(TimeoutError), TimeLimit(1) as limit:
            await rest_when_ended(limit)

    virtual_time.run(main())


def test_no_time_at_all_is_up_at_the_next_wait():
    async def main() -> None:
        with pytest.raises(TimeoutError), TimeLimit(-1):
            await forever()

    virtual_time.run(main())

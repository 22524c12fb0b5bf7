"""The login limit follows the event loop's lag and the load of the core."""

import asyncio

from sockfleet.collector.pacing.login_limit import LEAST, AdaptiveLoginLimit
from tests.support import virtual_time


async def hold(limit, running, done):
    slot = limit.slot()
    try:
        async with slot:
            running.append(1)
        await done.wait()  # the slot outlasts the login
        running.pop()
    finally:
        slot.release()


def test_no_more_hosts_hold_a_slot_than_the_limit():
    async def main():
        limit, running, done = AdaptiveLoginLimit(100, start=3), [], asyncio.Event()
        tasks = [asyncio.create_task(hold(limit, running, done)) for _ in range(10)]
        await asyncio.sleep(0.01)
        assert len(running) == 3
        limit.adapt(lag_s=0.0, busy=0.95)  # the core is full
        assert limit.limit == 3
        limit.adapt(lag_s=0.0, busy=0.5)  # on time, and hosts wait
        await asyncio.sleep(0.01)
        assert len(running) == limit.limit == 4
        limit.adapt(lag_s=0.5, busy=1.0)
        assert limit.limit == LEAST
        done.set()
        await asyncio.gather(*tasks)
        assert not running

    virtual_time.run(main())


def test_it_grows_only_while_hosts_wait_and_not_beyond_its_maximum():
    limit = AdaptiveLoginLimit(40, start=32)
    limit.adapt(lag_s=0.0, busy=0.0)
    assert limit.limit == 32

    async def main():
        done = asyncio.Event()
        tasks = [asyncio.create_task(hold(limit, [], done)) for _ in range(60)]
        adapting = asyncio.create_task(limit.adapt_until_cancelled())
        await asyncio.sleep(1)
        assert limit.limit == 40
        done.set()
        await asyncio.gather(*tasks)
        adapting.cancel()

    virtual_time.run(main())


def test_a_cancelled_waiter_takes_no_slot():
    async def main():
        limit, running, done = AdaptiveLoginLimit(10, start=1), [], asyncio.Event()
        first = asyncio.create_task(hold(limit, running, done))
        second = asyncio.create_task(hold(limit, running, done))
        third = asyncio.create_task(hold(limit, running, done))
        await asyncio.sleep(0.01)
        second.cancel()
        done.set()
        await asyncio.gather(first, third)
        assert not running

    virtual_time.run(main())


def test_a_host_acquires_one_slot_for_all_its_logins():
    async def main():
        limit = AdaptiveLoginLimit(10, start=1)
        slot = limit.slot()
        for _ in range(2):  # at its jump host and at itself
            async with slot.held():
                pass
        slot.release()
        slot.release()
        async with limit.slot():
            assert limit.limit == 1

    virtual_time.run(main())


def test_hosts_connect_only_a_little_ahead_of_the_slots():
    async def main():
        limit, running, done = AdaptiveLoginLimit(100, start=4), [], asyncio.Event()
        await limit.wait_to_connect()
        tasks = [asyncio.create_task(hold(limit, running, done)) for _ in range(20)]
        await asyncio.sleep(0.01)
        ahead = asyncio.create_task(limit.wait_to_connect())
        await asyncio.sleep(0.01)
        assert (len(running), ahead.done()) == (4, False)
        done.set()
        await asyncio.gather(*tasks, ahead)

    virtual_time.run(main())


def test_waiting_to_connect_ends_when_no_host_is_left():
    async def main():
        limit, done = AdaptiveLoginLimit(100, start=4), asyncio.Event()
        tasks = [asyncio.create_task(hold(limit, [], done)) for _ in range(20)]
        await asyncio.sleep(0.01)
        ahead = [asyncio.create_task(limit.wait_to_connect()) for _ in range(50)]
        await asyncio.sleep(0.01)
        assert not any(each.done() for each in ahead)
        limit.end_connecting()
        await asyncio.sleep(0)
        assert all(each.done() for each in ahead)
        done.set()
        await asyncio.gather(*tasks)

    virtual_time.run(main())


def test_a_late_loop_shrinks_the_limit_only_where_the_core_is_full():
    limit = AdaptiveLoginLimit(100, start=40)
    limit.adapt(lag_s=3.0, busy=0.1)  # suspended, or delayed by something else
    assert limit.limit == 40
    limit.adapt(lag_s=0.2, busy=1.0)
    assert limit.limit == 30

"""Handshakes in flight follow the loop's lag; descriptors bound the concurrency; caps are kept."""

import asyncio
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.pacing.login_limit import LEAST, AdaptiveLoginLimit
from sockfleet.collector.pacing.schedule import Schedule
from sockfleet.collector.runtime.descriptor_limit import (
    DescriptorError,
    concurrency_within,
    raise_descriptor_limit,
)
from tests.support import virtual_time
from tests.support.fleet.fake_transport import hosts


async def hold(limit, running, done):
    slot = limit.slot()
    try:
        async with slot:
            running.append(1)
        await done.wait()  # a place is for more than the login
        running.pop()
    finally:
        slot.release()


def test_no_more_handshakes_at_once_than_the_limit():
    async def main():
        limit, running, done = AdaptiveLoginLimit(100, start=3), [], asyncio.Event()
        tasks = [asyncio.create_task(hold(limit, running, done)) for _ in range(10)]
        await asyncio.sleep(0.01)
        assert len(running) == 3
        limit.adapt(lag_s=0.0, busy=0.95)  # no more would be done
        assert limit.limit == 3
        limit.adapt(lag_s=0.0, busy=0.5)  # on time, and somebody waits
        await asyncio.sleep(0.01)
        assert len(running) == limit.limit == 4
        limit.adapt(lag_s=0.5, busy=1.0)
        assert limit.limit == LEAST
        done.set()
        await asyncio.gather(*tasks)
        assert not running

    virtual_time.run(main())


def test_it_grows_only_while_somebody_waits_and_never_past_its_most():
    limit = AdaptiveLoginLimit(40, start=32)
    limit.adapt(lag_s=0.0, busy=0.0)
    assert limit.limit == 32

    async def main():
        done = asyncio.Event()
        tasks = [asyncio.create_task(hold(limit, [], done)) for _ in range(60)]
        watch = asyncio.create_task(limit.adapt_until_cancelled())
        await asyncio.sleep(1)
        assert limit.limit == 40
        done.set()
        await asyncio.gather(*tasks)
        watch.cancel()

    virtual_time.run(main())


def test_one_who_gives_up_waiting_takes_no_place():
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


def test_a_place_is_taken_once_for_all_logins_of_a_host():
    async def main():
        limit = AdaptiveLoginLimit(10, start=1)
        slot = limit.slot()
        for _ in range(2):  # at its jump host, and at itself
            async with slot.held():
                pass
        slot.release()
        slot.release()
        async with limit.slot():
            assert limit.limit == 1

    virtual_time.run(main())


def test_nobody_connects_far_ahead_of_the_places_that_there_are():
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


def test_nobody_waits_to_connect_when_no_host_is_left():
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


def test_a_late_loop_takes_places_away_only_where_they_fill_the_core():
    limit = AdaptiveLoginLimit(100, start=40)
    limit.adapt(lag_s=3.0, busy=0.1)  # stopped, or delayed by others
    assert limit.limit == 40
    limit.adapt(lag_s=0.2, busy=1.0)
    assert limit.limit == 30


def test_descriptors_are_raised_to_the_hard_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert raise_descriptor_limit() == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_descriptors_bound_the_concurrency():
    assert concurrency_within(1024, 500) == 500
    assert concurrency_within(256, 500) == 192
    assert concurrency_within(resource.RLIM_INFINITY, 500) == 500
    with pytest.raises(DescriptorError, match="limit on open files is 64"):
        concurrency_within(64, 1)


group = st.sampled_from(["a", "b", "c"])
caps = st.dictionaries(group, st.integers(1, 3), max_size=3).map(lambda d: tuple(d.items()))


@given(st.lists(caps, max_size=30), st.integers(1, 8))
def test_every_host_has_its_turn_once_and_no_cap_is_ever_passed(all_caps, workers):
    order = []
    running = []

    async def work(schedule):
        while (host := await schedule.next()) is not None:
            running.append(host)
            for name, most in host.caps:
                assert sum(name in dict(other.caps) for other in running) <= max(
                    most, *(dict(o.caps).get(name, 0) for o in running)
                )
            await asyncio.sleep(1)
            running.remove(host)
            order.append(host.name)
            schedule.release(host)

    async def main():
        the_hosts = [hosts(f"h{n}", caps=c)[0] for n, c in enumerate(all_caps)]
        schedule = Schedule(the_hosts, bastion_connections=5)
        await asyncio.gather(*(work(schedule) for _ in range(workers)))
        assert list(schedule.remaining()) == []

    virtual_time.run(main())
    assert sorted(order) == sorted(f"h{n}" for n in range(len(all_caps)))

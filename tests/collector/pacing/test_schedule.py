"""The schedule returns each host once and keeps every cap."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.pacing.schedule import Schedule
from tests.support import virtual_time
from tests.support.fleet.fake_transport import hosts

group = st.sampled_from(["a", "b", "c"])
caps = st.dictionaries(group, st.integers(1, 3), max_size=3).map(lambda d: tuple(d.items()))


@given(st.lists(caps, max_size=30), st.integers(1, 8))
def test_each_host_is_returned_once_and_no_cap_is_exceeded(all_caps, workers):
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
        fleet = [hosts(f"h{n}", caps=c)[0] for n, c in enumerate(all_caps)]
        schedule = Schedule(fleet, bastion_connections=5)
        await asyncio.gather(*(work(schedule) for _ in range(workers)))
        assert list(schedule.remaining()) == []

    virtual_time.run(main())
    assert sorted(order) == sorted(f"h{n}" for n in range(len(all_caps)))

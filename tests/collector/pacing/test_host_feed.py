"""Hosts added to a feed of a running engine: each is contacted once, no worker wakes in vain."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.pacing.host_feed import HostFeed
from sockfleet.collector.pacing.schedule import Schedule
from tests.support import virtual_time
from tests.support.fleet.fake_transport import FakeTransport, hosts

caps = st.lists(
    st.tuples(st.sampled_from(["web", "db"]), st.integers(1, 3)),
    max_size=2,
    unique_by=lambda c: c[0],
).map(tuple)


@given(st.lists(st.lists(caps, max_size=8), max_size=6), st.integers(1, 5))
def test_schedule_returns_each_host_of_a_feed_once(batches, workers):
    order, taken = [], []

    async def work(schedule):
        while (host := await schedule.next()) is not None:
            await asyncio.sleep(1)
            order.append(host.name)
            schedule.release(host)

    async def main():
        feed = HostFeed(lambda host: taken.append(host.name))
        schedule = Schedule(feed, bastion_connections=5)
        working = asyncio.gather(*(work(schedule) for _ in range(workers)))
        for batch_number, batch in enumerate(batches):
            feed.add(hosts(f"h{batch_number}.{n}", caps=c)[0] for n, c in enumerate(batch))
            await asyncio.sleep(batch_number % 3)
        feed.close()
        await working
        assert list(schedule.remaining()) == []

    virtual_time.run(main())
    everyone = sorted(f"h{b}.{n}" for b, batch in enumerate(batches) for n in range(len(batch)))
    assert sorted(order) == sorted(taken) == everyone


def test_one_added_host_wakes_one_of_many_waiting_workers():
    woken = 0

    async def work(schedule):
        nonlocal woken
        while (host := await schedule.next()) is not None:
            woken += 1
            schedule.release(host)

    async def main():
        feed = HostFeed(lambda _host: None)
        schedule = Schedule(feed, bastion_connections=5)
        working = [asyncio.ensure_future(work(schedule)) for _ in range(100)]
        await asyncio.sleep(1)
        waiting = list(schedule._waiting)
        feed.add(hosts("one"))
        await asyncio.sleep(1)
        assert sum(waiter.done() for waiter in waiting) == 1
        assert not any(task.done() for task in working)
        feed.close()
        await asyncio.gather(*working)

    virtual_time.run(main())
    assert woken == 1


def test_engine_contacts_hosts_added_by_another_thread_until_the_feed_closes():
    outcomes, begun = [], threading.Event()
    feed = HostFeed(lambda _host: begun.set())
    engine = Engine(EngineSettings(concurrency=3), transports={"asyncssh": FakeTransport()})
    thread = threading.Thread(target=lambda: asyncio.run(engine.run(feed, outcomes.append)))
    thread.start()
    feed.add(hosts("a"))
    begun.wait()  # the engine runs and waits for hosts
    feed.add(hosts("b", "c", "d", "e"))
    feed.close()
    thread.join()
    assert sorted(outcome.host.name for outcome in outcomes) == ["a", "b", "c", "d", "e"]


def test_stopped_engine_delivers_a_failure_for_each_host_left_in_the_feed():
    outcomes = []

    async def main():
        feed = HostFeed(lambda _host: None)
        feed.add(hosts("a", "b"))
        engine = Engine(EngineSettings(), transports={"asyncssh": FakeTransport()})
        engine.stop("SIGINT")
        await engine.run(feed, outcomes.append)
        feed.add(hosts("late"))  # the engine does not take it any more
        assert len(feed) == 1

    virtual_time.run(main())
    assert sorted(outcome.host.name for outcome in outcomes) == ["a", "b"]


def test_closed_feed_accepts_no_host():
    feed = HostFeed(lambda _host: None)
    feed.close()
    with pytest.raises(ValueError, match="closed"):
        feed.add(hosts("a"))

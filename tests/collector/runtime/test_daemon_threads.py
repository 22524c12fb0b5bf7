"""Blocking work on daemon threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sockfleet.collector.runtime.daemon_threads import DaemonThreads


def test_results_and_errors_come_back():
    async def main() -> None:
        threads = DaemonThreads(2, "test")
        assert await threads.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        threads.close()

    asyncio.run(main())


def test_one_thread_does_one_thing_after_the_other():
    order = []

    async def main() -> None:
        threads = DaemonThreads(1, "test")
        await asyncio.gather(*(threads.run(lambda n=n: order.append(n)) for n in range(50)))
        assert sum(t.name == "test" for t in threading.enumerate()) == 1
        threads.close()

    asyncio.run(main())
    assert order == list(range(50))


def test_nobody_waits_for_a_cancelled_result():
    release = threading.Event()

    async def main() -> None:
        threads = DaemonThreads(1, "test")
        future = threads.run(release.wait)
        future.cancel()
        release.set()
        assert await threads.run(lambda: "next") == "next"
        threads.close()

    asyncio.run(main())


def test_work_that_ends_after_the_loop_is_dropped():
    release, done = threading.Event(), threading.Event()

    async def main() -> None:
        threads = DaemonThreads(1, "test")

        def work() -> None:
            release.wait()

        threads.run(work)
        threads.close()

    asyncio.run(main())
    (thread,) = [t for t in threading.enumerate() if t.name == "test"]
    release.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not done.is_set()

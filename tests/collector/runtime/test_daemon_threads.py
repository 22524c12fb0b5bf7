"""`DaemonThreads` runs blocking functions and never delays the exit."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sockfleet.collector.runtime.daemon_threads import DaemonThreads


def test_the_future_has_the_result_or_the_error():
    async def main() -> None:
        threads = DaemonThreads(2, "test")
        assert await threads.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        threads.close()

    asyncio.run(main())


def test_one_thread_runs_the_work_in_order():
    order = []

    async def main() -> None:
        threads = DaemonThreads(1, "test")
        await asyncio.gather(*(threads.run(lambda n=n: order.append(n)) for n in range(50)))
        assert sum(t.name == "test" for t in threading.enumerate()) == 1
        threads.close()

    asyncio.run(main())
    assert order == list(range(50))


def test_a_cancelled_future_does_not_block_the_next_work():
    release = threading.Event()

    async def main() -> None:
        threads = DaemonThreads(1, "test")
        future = threads.run(release.wait)
        future.cancel()
        release.set()
        assert await threads.run(lambda: "next") == "next"
        threads.close()

    asyncio.run(main())


def test_a_result_after_the_loop_has_closed_is_dropped():
    release = threading.Event()

    async def main() -> None:
        threads = DaemonThreads(1, "test")
        threads.run(release.wait)
        threads.close()

    asyncio.run(main())
    (thread,) = [t for t in threading.enumerate() if t.name == "test"]
    release.set()
    thread.join(60)
    assert not thread.is_alive()

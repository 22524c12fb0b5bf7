"""One timer for many calls: each in order, none early, none lost."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.simulator.lean.delay import Delay
from tests.support import virtual_time


@given(st.lists(st.integers(0, 80), max_size=20))
def test_calls_keep_their_delay_and_order(pauses_ms):
    async def main():
        loop, delay = asyncio.get_running_loop(), Delay(0.05)
        came: list[tuple[bytes, float]] = []
        called: list[float] = []
        for number, pause in enumerate(pauses_ms):
            await asyncio.sleep(pause / 1000)
            called.append(loop.time())
            delay.call(lambda data: came.append((data, loop.time())), b"%d" % number)
        await asyncio.sleep(1)
        assert [data for data, _ in came] == [b"%d" % number for number in range(len(called))]
        for (_, at), since in zip(came, called, strict=True):
            assert 0.0494 <= at - since <= 0.0506

    virtual_time.run(main())


def test_a_call_may_add_a_call_and_a_failure_stops_no_other():
    async def main():
        loop, delay = asyncio.get_running_loop(), Delay(0.05)
        failures, came = [], []
        loop.set_exception_handler(lambda _loop, context: failures.append(context["exception"]))

        def again(data: bytes) -> None:
            came.append(data)
            if len(came) < 3:
                delay.call(again, data)

        def fail(_data: bytes) -> None:
            raise ZeroDivisionError

        delay.call(again, b"a")
        delay.call(fail, b"")
        delay.call(again, b"b")
        await asyncio.sleep(1)
        assert came == [b"a", b"b", b"a", b"b"]
        assert len(failures) == 1

    virtual_time.run(main())

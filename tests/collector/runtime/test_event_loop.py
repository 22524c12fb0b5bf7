"""Garbage collection is rare while any scan runs, and as before afterwards."""

import asyncio
import gc
import threading

import pytest

from sockfleet.collector.runtime.event_loop import rare_garbage_collection, run_on_event_loop


@pytest.fixture(autouse=True)
def as_before():
    was_enabled = gc.isenabled()  # a command that ran in this process may have disabled it
    gc.enable()
    before = gc.get_threshold()
    yield
    try:
        assert gc.isenabled()
        assert gc.get_threshold() == before
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_it_returns_the_result_in_any_thread():
    async def main():
        assert gc.get_freeze_count() > 0
        return asyncio.get_running_loop()

    loops = [run_on_event_loop(main())]
    thread = threading.Thread(target=lambda: loops.append(run_on_event_loop(main())))
    thread.start()
    thread.join()
    assert loops[0] is not loops[1]
    assert all(loop.is_closed() for loop in loops)


def test_overlapping_scans_may_end_in_any_order():
    began, end = threading.Event(), threading.Event()

    def other():
        with rare_garbage_collection():
            began.set()
            end.wait()

    thread = threading.Thread(target=other)
    ordinary = gc.get_threshold()
    with rare_garbage_collection():
        thread.start()
        began.wait()
    assert gc.get_threshold() != ordinary
    end.set()
    thread.join()


def test_an_error_restores_the_settings():
    async def main():
        raise ValueError("out")

    with pytest.raises(ValueError, match="out"):
        run_on_event_loop(main())


def test_disabled_garbage_collection_is_disabled_again():
    gc.disable()
    try:
        with rare_garbage_collection():
            assert gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()

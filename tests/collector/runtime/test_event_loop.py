"""The event loop of a scan: its rare garbage collection holds as long as any scan goes on."""

import asyncio
import gc
import threading

import pytest

from sockfleet.collector.runtime.event_loop import rare_garbage_collection, run_on_event_loop


@pytest.fixture(autouse=True)
def as_before():
    was_enabled = gc.isenabled()  # a command that ran in this process may have switched it off
    gc.enable()
    before = gc.get_threshold()
    yield
    try:
        assert gc.isenabled()
        assert gc.get_threshold() == before
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_a_result_comes_back_from_any_thread():
    async def main():
        assert gc.get_freeze_count() > 0
        return asyncio.get_running_loop()

    loops = [run_on_event_loop(main())]
    thread = threading.Thread(target=lambda: loops.append(run_on_event_loop(main())))
    thread.start()
    thread.join()
    assert loops[0] is not loops[1]
    assert all(loop.is_closed() for loop in loops)


def test_of_scans_that_overlap_the_first_to_begin_may_be_the_first_to_end():
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


def test_an_error_leaves_nothing_changed():
    async def main():
        raise ValueError("out")

    with pytest.raises(ValueError, match="out"):
        run_on_event_loop(main())


def test_what_was_switched_off_is_off_again():
    gc.disable()
    try:
        with rare_garbage_collection():
            assert gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()

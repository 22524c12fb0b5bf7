"""Stop signals: handled once, blocked, and restored; those that are ignored stay ignored."""

import asyncio
import signal

import pytest

from sockfleet.collector.runtime.signals import (
    STOP_SIGNALS,
    StopSignals,
    block_stop_signals,
    replace_handlers,
)

each_signal = pytest.mark.parametrize("number", STOP_SIGNALS, ids=lambda number: number.name)


@pytest.fixture(autouse=True)
def handler_before():
    """The tests may run with SIGINT ignored, as a job that a script starts with ``&``."""

    def fail(number, _frame):
        raise AssertionError(f"signal {number} reached the handler before")

    with replace_handlers(STOP_SIGNALS, fail):
        yield fail


@each_signal
def test_the_first_signal_stops_and_the_second_reaches_the_handler_before(number):
    names, signals = [], StopSignals()
    with signals(names.append):
        signal.raise_signal(number)
        assert (names, signals.received) == ([number.name], [number])
        with pytest.raises(AssertionError, match="handler before"):
            signal.raise_signal(number)


@each_signal
def test_an_event_loop_calls_stop_itself(number):
    async def main():
        stopped, names, signals = asyncio.Event(), [], StopSignals()

        def stop(name):
            assert asyncio.get_running_loop()
            names.append(name)
            stopped.set()

        with signals(stop):
            signal.raise_signal(number)
            await stopped.wait()
        assert (names, signals.received) == ([number.name], [number])

    asyncio.run(main())


def test_the_handlers_are_restored_after_the_block(handler_before):
    with StopSignals()(lambda _name: None):
        signal.raise_signal(signal.SIGTERM)
    assert {signal.getsignal(number) for number in STOP_SIGNALS} == {handler_before}


@each_signal
def test_an_ignored_signal_stays_ignored_in_the_main_thread(number):
    """As nohup, or a script's background job, starts the process."""
    signal.signal(number, signal.SIG_IGN)
    names, signals = [], StopSignals()
    with signals(names.append):
        signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    assert (names, signals.received) == ([], [])


@each_signal
def test_an_ignored_signal_stays_ignored_in_an_event_loop(number):
    signal.signal(number, signal.SIG_IGN)
    names, signals = [], StopSignals()

    async def main():
        with signals(names.append):
            signal.raise_signal(number)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert (names, signals.received) == ([], [])


def test_a_blocked_signal_arrives_after_the_block():
    names = []
    with StopSignals()(names.append):
        with block_stop_signals():
            signal.raise_signal(signal.SIGTERM)
            assert names == []
        assert names == ["SIGTERM"]

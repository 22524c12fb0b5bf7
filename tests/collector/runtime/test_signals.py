"""What signals do to a run, as they arrive and as the process was started."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from sockfleet.collector.runtime.signals import StopSignals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(params=NUMBERS, ids=lambda number: number.name)
def ignored(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that this process ignores, as nohup or a script's background job starts it."""
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


def test_an_ignored_signal_does_not_stop_a_run_in_the_main_thread(ignored):
    signals, stopped = StopSignals(), []
    with signals(stopped.append):
        signal.raise_signal(ignored)
    assert (signals.received, stopped) == ([], [])


def test_an_ignored_signal_does_not_stop_a_run_in_an_event_loop(ignored):
    signals, stopped = StopSignals(), []

    async def run() -> None:
        with signals(stopped.append):
            signal.raise_signal(ignored)
            await asyncio.sleep(0)

    asyncio.run(run())
    assert (signals.received, stopped) == ([], [])


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_signal_stops_a_run_and_its_handler_comes_back(number):
    signals, stopped = StopSignals(), []
    before = signal.getsignal(number)
    with signals(stopped.append):
        signal.raise_signal(number)
    assert (signals.received, stopped) == ([number], [number.name])
    assert signal.getsignal(number) is before

"""Garbage collection is off while a command starts and ends, and on during the scan."""

import gc

import pytest

from sockfleet.cli import main as entry
from sockfleet.collector.runtime.event_loop import run_on_event_loop


@pytest.fixture(autouse=True)
def restored_collector():
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    assert gc.get_threshold() == before


def test_a_command_starts_with_garbage_collection_off(mocker):
    states = []
    command = mocker.patch.object(entry.cli, "main", return_value=0)
    command.side_effect = lambda **_: states.append(gc.isenabled())
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert (ended.value.code, states) == (0, [False])
    assert gc.get_freeze_count() > 0


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_on_during_a_scan(enabled):
    async def state():
        return gc.isenabled(), gc.get_threshold()[0]

    if not enabled:
        gc.disable()
    assert run_on_event_loop(state()) == (True, 50_000)
    assert gc.isenabled() is enabled
    assert gc.get_freeze_count() == 0

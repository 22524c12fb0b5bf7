"""A command's own start and end do not look for garbage; a scan in between does."""

import gc

import pytest

from sockfleet.cli import main as entry
from sockfleet.collector.runtime.event_loop import run_on_event_loop


@pytest.fixture(autouse=True)
def collector_as_it_was():
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    assert gc.get_threshold() == before


def test_nothing_is_looked_for_around_a_command(mocker):
    seen = []
    command = mocker.patch.object(entry.cli, "main", return_value=0)
    command.side_effect = lambda **_: seen.append(gc.isenabled())
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert (ended.value.code, seen) == (0, [False])
    assert gc.get_freeze_count() > 0


@pytest.mark.parametrize("enabled", [True, False])
def test_a_scan_looks_for_its_own(enabled):
    async def state():
        return gc.isenabled(), gc.get_threshold()[0]

    if not enabled:
        gc.disable()
    assert run_on_event_loop(state()) == (True, 50_000)
    assert gc.isenabled() is enabled
    assert gc.get_freeze_count() == 0

"""A fixture that turns off the attribution of timeouts."""

import pytest


@pytest.fixture
def attribute_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each timeout keep the host's own category, also on a busy machine.

    test_invariants tests on a virtual clock that the engine reports client_overload there.
    """
    monkeypatch.setattr("sockfleet.collector.engine.attribute_timeout", lambda error, **_: error)

"""The fixtures of tests over SSH, and a machine that is never too busy."""

import pytest

from tests.support.ssh.fixtures import (
    asyncssh_path,
    key_forms,
    keys,
    known_hosts,
    server,
    settings,
    short_pauses,
    transport,
)

__all__ = [
    "asyncssh_path",
    "key_forms",
    "keys",
    "known_hosts",
    "server",
    "settings",
    "short_pauses",
    "transport",
]


@pytest.fixture
def attribute_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each timeout keeps the name of what the host did, however busy this machine is.

    That the engine calls it client_overload on a busy one is tested on a virtual clock
    (test_invariants).
    """
    monkeypatch.setattr("sockfleet.collector.engine.attribute_timeout", lambda error, **_: error)

"""What the connections of both transports have in common."""

from __future__ import annotations

from importlib import import_module

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.runtime.daemon_threads import DaemonThreads
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host


@pytest.mark.parametrize(
    ("library", "needs"), [("asyncssh", []), ("paramiko", [DaemonThreads(1, "unused")])]
)
def test_a_host_error_stays_the_same(library, needs):
    connection = import_module(f"sockfleet.collector.{library}.connection")
    attempt = Attempt(host=Host(name="web1", address="192.0.2.1"))
    error = HostError(Category.PARSE, Phase.PARSE, "x")
    assert connection.Connection(attempt, *needs).translate(error) is error

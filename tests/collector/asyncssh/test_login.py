"""The callbacks of a login that asyncssh calls again later: at each key exchange."""

from __future__ import annotations

from types import SimpleNamespace

import asyncssh

from sockfleet.collector.asyncssh.login import Login
from sockfleet.collector.ssh.byte_budget import ByteBudget
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host


def test_each_key_exchange_after_that_of_the_login_is_charged_by_every_version_of_asyncssh():
    budget = ByteBudget()
    login = Login(
        SimpleNamespace(user="somebody"),
        SimpleNamespace(check_key=lambda kind, blob: None),
        Attempt(host=Host(name="web1", address="web1")),
        None,
        budget,
    )
    key = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    budget.expect_command()
    exceeded = []
    for _ in range(70):
        assert login.validate_host_public_key("web1", "192.0.2.1", 22, key)
        exceeded.append(budget.exceeded)
    assert exceeded.index(True) == 1 + 8
    assert login.refusal is None

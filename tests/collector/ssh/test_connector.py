"""What all connections of one scan share."""

from __future__ import annotations

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.inventory.models import Host
from tests.support.ssh.over_ssh import ask_all, ssh_settings


def test_credentials_that_cannot_be_used_are_loaded_once_and_fail_each_host(
    transport, sshd, settings, mocker
):
    load = mocker.patch(
        f"sockfleet.collector.{transport}.connector.load_credentials",
        side_effect=HostError(Category.CONFIG, Phase.CONFIG, "a broken key"),
    )
    ssh = ssh_settings(sshd)
    hosts = [Host(name=f"h{n}", address="127.0.0.1", port=sshd.port, ssh=ssh) for n in range(3)]
    errors = [outcome.error for outcome in ask_all(transport, settings, hosts)]
    assert [(error.category, error.message) for error in errors] == [
        (Category.CONFIG, "a broken key")
    ] * 3
    assert len({id(error) for error in errors}) == 3  # tracebacks are not shared
    assert load.call_count == 1

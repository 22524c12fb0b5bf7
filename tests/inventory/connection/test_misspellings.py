"""Mistyped names of connection variables."""

from __future__ import annotations

import pytest

from sockfleet.inventory.connection.misspellings import find_intended_name
from sockfleet.inventory.connection.resolve import resolve_hosts
from sockfleet.inventory.connection.variables import NAMES
from tests.support.fleet.resolved_hosts import NOTHING, inventory


@pytest.mark.parametrize(
    ("name", "intended"),
    [
        ("ansble_port", "ansible_port"),
        ("ansible_prot", "ansible_port"),
        ("ansible_usser", "ansible_user"),
        ("ansible-host", "ansible_host"),
        ("ansible_hots", "ansible_host"),
        ("ansible_hos", "ansible_host"),
        ("sockfleet_regio", "sockfleet_region"),
    ],
)
def test_one_mistake_is_recognized(name: str, intended: str) -> None:
    assert find_intended_name(name) == intended


@pytest.mark.parametrize(
    "name",
    [
        *("ansible_scp_extra_args", "ansible_sftp_extra_args", "ansible_become_user", "port", ""),
        *("ansible_winrm_port", "ansible_hostname", "ansible_user_id", "ansible_network_os"),
        *NAMES,
    ],
)
def test_other_variables_are_not_reported(name: str) -> None:
    assert find_intended_name(name) is None


def test_a_mistyped_port_is_a_note_once_for_all_hosts() -> None:
    hosts = {name: {"ansble_port": 2222} for name in ("a", "b")}
    found, notes = resolve_hosts(inventory(hosts), ["a", "b"], NOTHING)
    assert [host.port for host in found] == [22, 22]
    assert notes == [
        "ansble_port: ignored, as it is no variable of a connection; did you mean ansible_port?"
    ]

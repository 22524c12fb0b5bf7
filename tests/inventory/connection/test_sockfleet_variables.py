"""The variables sockfleet_*: the transport, the caps of groups, the probe and the region."""

from __future__ import annotations

import pytest

from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.connection.resolve import resolve_hosts
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import Probe
from tests.support.fleet.resolved_hosts import NOTHING, fault, inventory, one


def test_transport_from_a_variable() -> None:
    variables = {"sockfleet_transport": "mine", "ansible_connection": "paramiko"}
    assert one(variables).transport == "mine"


def test_caps_come_from_every_group_that_sets_one() -> None:
    groups = {
        "all": {"sockfleet_max_connections": "9"},
        "web": {"sockfleet_max_connections": 3},
        "db": {"sockfleet_max_connections": 2},
        "plain": {},
    }
    (host,), _ = resolve_hosts(
        inventory({"a": {}}, groups, member_of=("plain", "web")), ["a"], NOTHING
    )
    assert host.caps == (("all", 9), ("web", 3))


@pytest.mark.parametrize("value", [0, -1, True, "many", 1.5, [1]])
def test_a_cap_is_a_whole_number(value: object) -> None:
    groups = {"web": {"sockfleet_max_connections": value}}
    with pytest.raises(InventoryError, match="group 'web': sockfleet_max_connections: found"):
        resolve_hosts(inventory({"a": {}}, groups), ["a"], NOTHING)


def test_the_default_probe_is_full():
    assert one({}).probe is Probe.FULL
    assert one({"sockfleet_probe": "forced"}).probe is Probe.FORCED
    assert one({"sockfleet_probe": "forced", "ansible_connection": "local"}).probe is Probe.FORCED


def test_the_probe_variable_takes_precedence_over_the_command_line():
    forced = ConnectionDefaults(probe=Probe.FORCED)
    assert one({}, forced).probe is Probe.FORCED
    assert one({"sockfleet_probe": "full"}, forced).probe is Probe.FULL


@pytest.mark.parametrize("value", ["Forced", "", 1, True, ["forced"], {"forced": 1}])
def test_unknown_probes_are_refused(value):
    assert "sockfleet_probe" in fault({"sockfleet_probe": value})
    assert "expected full or forced" in fault({"sockfleet_probe": value})


def test_region_from_a_variable():
    assert one({"sockfleet_region": "eu"}).region == "eu"
    assert one({"sockfleet_region": "eu", "ansible_connection": "local"}).region == "eu"
    assert one({}).region is None
    assert one({"sockfleet_region": None}).region is None


@pytest.mark.parametrize(
    "value", ["", "a b", "eu=1", "eu,us", "ü", "x" * 65, 1, True, ["eu"], "-a"]
)
def test_invalid_regions_are_refused(value):
    assert "sockfleet_region" in fault({"sockfleet_region": value})
    assert "expected letters, digits" in fault({"sockfleet_region": value})

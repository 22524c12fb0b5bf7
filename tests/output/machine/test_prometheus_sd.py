"""The targets of Prometheus: one for each host, whatever its name and groups are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.models import Host
from sockfleet.output.machine.prometheus_sd import format_targets
from tests.support.hostile_text import HOSTILE, assert_harmless


def targets(*hosts: Host, port: int = 9100) -> list[dict]:
    return json.loads(format_targets(hosts, port=port))


def test_a_target_has_the_address_of_the_host_and_the_port_of_the_exporter():
    host = Host(name="web1", address="10.0.0.1", port=2222, groups=("prod", "web"))
    assert targets(host, port=9200) == [
        {
            "targets": ["10.0.0.1:9200"],
            "labels": {"__meta_sockfleet_host": "web1", "__meta_sockfleet_groups": ",prod,web,"},
        }
    ]


def test_an_ipv6_address_is_in_brackets():
    (target,) = targets(Host(name="six", address="2001:db8::1"))
    assert target["targets"] == ["[2001:db8::1]:9100"]


def test_a_host_without_groups_has_no_label_of_groups():
    (target,) = targets(Host(name="lone", address="lone"))
    assert target["labels"] == {"__meta_sockfleet_host": "lone"}


def test_hosts_keep_their_order_also_those_of_one_address():
    hosts = [Host(name=name, address="10.0.0.1") for name in ("b", "a", "c")]
    found = targets(*hosts)
    assert [each["labels"]["__meta_sockfleet_host"] for each in found] == ["b", "a", "c"]


def test_no_host_is_an_empty_list():
    assert targets() == []


def test_a_comma_in_a_groups_name_names_no_other_group():
    (target,) = targets(Host(name="a", address="a", groups=("db,web",)))
    assert target["labels"]["__meta_sockfleet_groups"] == ",db\\x2cweb,"


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_names_are_escaped(name):
    text = HOSTILE[name].decode("utf-8", "surrogateescape")
    host = Host(name=text, address="10.0.0.1", groups=(text,))
    assert_harmless(format_targets([host], port=9100))
    assert len(targets(host)) == 1


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_each_host_is_one_target_with_labels_that_prometheus_takes(names, groups):
    hosts = [Host(name=name, address="10.0.0.1", groups=tuple(groups)) for name in names]
    found = targets(*hosts)
    assert len(found) == len(names)
    for each in found:
        assert each["targets"] == ["10.0.0.1:9100"]
        shown = each["labels"].get("__meta_sockfleet_groups", ",")
        assert shown.count(",") == len(groups) + 1

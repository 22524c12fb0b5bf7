"""The hosts of a scenario, and its scaling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category
from sockfleet.simulator.errors import ScenarioError
from sockfleet.simulator.host.profiles import PROFILES
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.scenario import Role, Scenario
from sockfleet.simulator.scenario.scenario_file import choose_scenario, parse_scenario


def role(name: str, count: int, fault: Fault | None = None) -> Role:
    return Role(name=name, count=count, profile=PROFILES["idle"], fault=fault)


def test_the_demo_has_the_described_hosts():
    hosts = choose_scenario().hosts()
    assert 24 <= len(hosts) <= 60
    planned = {host.name: host.fault.planned for host in hosts if host.fault}
    assert set(planned.values()) == {
        Category.REFUSED,
        Category.HOSTKEY_CHANGED,
        Category.AUTH_DENIED,
        None,
    }
    sound = [host for host in hosts if host.is_read]
    assert sum(host.contents.tcp_close > 2_000 for host in sound) >= 2
    assert sum(host.contents.host.tw > 10_000 for host in sound) >= 2
    assert any(host.contents.containers for host in sound)
    assert any(host.command_s + host.auth_s + host.banner_s > 1 for host in sound)
    assert len({host.contents.alloc for host in sound}) > 20


def test_the_same_scenario_gives_the_same_fleet_and_another_seed_another():
    assert choose_scenario().hosts() == choose_scenario().hosts()
    assert choose_scenario(seed=1) == choose_scenario()
    assert choose_scenario(seed=2).hosts() != choose_scenario().hosts()


def test_adding_hosts_does_not_change_other_hosts():
    before = Scenario(roles=(role("a", 1), role("b", 1))).hosts()
    after = Scenario(roles=(role("c", 5), role("b", 1))).hosts()
    assert [h.contents for h in before if h.name == "b"] == [
        h.contents for h in after if h.name == "b"
    ]


def test_names_are_numbered_with_equal_width():
    names = [host.name for host in Scenario(roles=(role("web", 10), role("db", 1))).hosts()]
    assert names == [*(f"web{number:02}" for number in range(1, 11)), "db"]


def test_two_roles_with_one_name_are_refused():
    with pytest.raises(ScenarioError, match="'a' and 'a1' both have a host 'a1'"):
        Scenario(roles=(role("a", 2), role("a1", 1))).hosts()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(0, 3), st.data())
def test_scale_to_gives_the_number_of_hosts(counts, faulty, data):
    sound = [role(f"r{number}-", count) for number, count in enumerate(counts)]
    broken = [role(f"f{number}-", 2, Fault.REFUSED) for number in range(faulty)]
    wanted = data.draw(st.integers(len(sound) + 2 * faulty, 3_000))
    scaled = Scenario(roles=(*sound, *broken)).scale_to(wanted)
    assert sum(r.count for r in scaled.roles) == wanted
    assert all(r.count >= 1 for r in scaled.roles)
    assert [r.count for r in scaled.roles if r.fault] == [2] * faulty


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_scale_to_the_same_size_changes_nothing(counts):
    scenario = Scenario(roles=tuple(role(f"r{n}-", count) for n, count in enumerate(counts)))
    assert scenario.scale_to(sum(counts)) == scenario


def test_too_few_hosts_are_refused_with_the_minimum():
    with pytest.raises(ScenarioError, match="hosts: 3: at least 4"):
        Scenario(roles=(role("a", 5), role("b", 5), role("c", 2, Fault.SILENT))).scale_to(3)


def test_a_fleet_with_only_faulty_hosts_does_not_grow():
    with pytest.raises(ScenarioError, match="no role without a fault"):
        Scenario(roles=(role("c", 2, Fault.SILENT),)).scale_to(9)


def test_every_fault_has_a_planned_category():
    text = "\n".join(f"  f-{fault}: {{fault: {fault}}}" for fault in Fault)
    hosts = parse_scenario(f"roles:\n{text}\n", "all.yml").hosts()
    assert [host.fault for host in hosts] == list(Fault)
    assert [h.fault for h in hosts if h.is_read] == [Fault.NOISY_LOGIN, Fault.FORGED_MARKS]

"""Scenario files: keys, values, and errors."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.simulator.errors import ScenarioError
from sockfleet.simulator.host.profiles import PROFILES
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.scenario import Delays, HostKeys
from sockfleet.simulator.scenario.scenario_file import (
    choose_scenario,
    load_scenario,
    parse_scenario,
)
from tests.support.paths import EXAMPLES


def test_all_keys_of_a_file():
    scenario = parse_scenario(
        """
        seed: 7
        user: ops
        host_keys: shared
        key_exchange: [curve25519-sha256]
        roles:
          web:
            count: 3
            groups: [web, shop]
            profile: leaking
            sockets: {tcp_close: 100, tw: [5, 9]}
            variables: {rack: r1, slots: 4}
            ipv6: false
            delays: {banner_s: 0.5, auth_s: [0, 1], command_s: [0.25, 0.25]}
            fault: hangs
        """,
        "all.yml",
    )
    assert (scenario.seed, scenario.user, scenario.host_keys) == (7, "ops", HostKeys.SHARED)
    assert scenario.key_exchange == ("curve25519-sha256",)
    (role,) = scenario.roles
    assert (role.name, role.count, role.groups) == ("web", 3, ("web", "shop"))
    assert (role.profile.tcp_close, role.profile.tw) == ((100, 100), (5, 9))
    assert role.profile.established == PROFILES["leaking"].established
    assert role.variables == {"rack": "r1", "slots": 4}
    assert role.delays == Delays(banner_s=(0.5, 0.5), auth_s=(0, 1), command_s=(0.25, 0.25))
    assert (role.ipv6, role.fault) == (False, Fault.HANGS)
    assert all(host.contents.tcp_close == 100 for host in scenario.hosts())
    assert all(0 <= host.auth_s <= 1 and host.banner_s == 0.5 for host in scenario.hosts())


def test_a_role_may_be_empty():
    (role,) = parse_scenario("roles:\n  box:\n", "x.yml").roles
    assert (role.name, role.count, role.profile) == ("box", 1, PROFILES["idle"])


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("", "f.yml", "None: expected a mapping"),
        ("[1]", "f.yml", "[1]: expected a mapping"),
        ("a: b: c", "f.yml:1", "not valid YAML at column 5"),
        ("roles: {w: {count: 1, count: 1}}", "f.yml:1", "key 'count' appears twice"),
        ("$ANSIBLE_VAULT;1.1", "f.yml", "is encrypted by ansible-vault"),
        ("key_exchange: ['a,b']\nroles: {w: }", "f.yml: key_exchange", "'a,b': expected the name"),
        ("roles: {}", "f.yml: roles", "no role: expected at least one"),
        ("roles: [web]", "f.yml: roles", "['web']: expected a mapping"),
        ("role: {web: }", "f.yml", "'role' is not known here: there are roles, seed, user"),
        ("roles: {web: {cuont: 3}}", "f.yml: roles.web", "'cuont' is not known here"),
        ("roles: {web: {count: 0}}", "f.yml: roles.web.count", "0: expected a whole number from 1"),
        ("roles: {web: {count: yes}}", "f.yml: roles.web.count", "True: expected a whole number"),
        ("roles: {web: {count: '3'}}", "f.yml: roles.web.count", "'3': expected a whole number"),
        ("roles: {web: {profile: wbe}}", "f.yml: roles.web.profile", "'wbe': expected one of idle"),
        ("roles: {web: {profile: [a]}}", "f.yml: roles.web.profile", "['a']: expected one of"),
        ("roles: {web: {fault: dead}}", "f.yml: roles.web.fault", "'dead': expected one of unansw"),
        ("roles: {web: {groups: web}}", "f.yml: roles.web.groups", "'web': expected a list of"),
        ("roles: {web: {groups: ['a b']}}", "f.yml: roles.web.groups", "'a b': expected the name"),
        ("roles: {web: {ipv6: 1}}", "f.yml: roles.web.ipv6", "1: expected true or false"),
        ("roles: {'-o x': {}}", "f.yml: roles", "'-o x': expected a role's name of"),
        ("roles: {1: {}}", "f.yml: roles", "1: expected a role's name"),
        ("roles: {w: {sockets: {tw: [9, 5]}}}", "f.yml: roles.w.sockets.tw", "the smaller number"),
        ("roles: {w: {sockets: {tw: -1}}}", "f.yml: roles.w.sockets.tw", "-1: expected a whole"),
        ("roles: {w: {sockets: {alloc: 1}}}", "f.yml: roles.w.sockets", "'alloc' is not known"),
        ("roles: {w: {delays: {auth: 1}}}", "f.yml: roles.w.delays", "'auth' is not known here"),
        ("roles: {w: {delays: {auth_s: -1}}}", "f.yml: roles.w.delays.auth_s", "from 0 to 3600"),
        ("roles: {w: {delays: {auth_s: .nan}}}", "f.yml: roles.w.delays.auth_s", "from 0 to 3600"),
        ("roles: {w: {delays: {auth_s: .inf}}}", "f.yml: roles.w.delays.auth_s", "from 0 to 3600"),
        (
            "roles: {w: {delays: {auth_s: soon}}}",
            "f.yml: roles.w.delays.auth_s",
            "'soon': expected",
        ),
        ("roles: {w: {variables: {a: [1]}}}", "f.yml: roles.w.variables", "a variable's name and"),
        ("roles: {w: {count: 99999}, v: {count: 2}}", "f.yml: roles", "100001 hosts: expected at"),
        ("user: 'a;b'\nroles: {w: }", "f.yml: user", "'a;b': expected a user's name"),
        ("seed: 1.5\nroles: {w: }", "f.yml: seed", "1.5: expected a whole number from 0"),
        ("x: " + "[" * 3000 + "]" * 3000, "f.yml", "is nested too deeply"),
    ],
)
def test_errors_name_the_path_of_keys(text, where, problem):
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "f.yml")
    assert caught.value.where == where
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe roles"])
def test_a_file_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "scenario.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScenarioError, match=r"scenario\.yml: cannot be read"):
        load_scenario(path)


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = ("count", "groups", "profile", "sockets", "variables", "ipv6", "delays", "fault")
roles = st.dictionaries(st.sampled_from(keys), yaml_values, max_size=4)


@given(st.fixed_dictionaries({"roles": st.dictionaries(st.text(max_size=5), roles, max_size=3)}))
def test_any_document_is_a_scenario_or_a_scenario_error(document):
    try:
        scenario = parse_scenario(yaml.safe_dump(document), "any.yml")
    except ScenarioError as error:
        assert str(error).startswith("any.yml")
    else:
        assert scenario.roles


@given(st.text(max_size=60))
def test_any_text_is_a_scenario_or_a_scenario_error(text):
    with pytest.raises(ScenarioError):
        parse_scenario(text, "any.yml")


def test_the_example_is_valid():
    scenario = load_scenario(EXAMPLES / "scenario.yml")
    assert scenario.hosts()


def test_hosts_of_a_chosen_scenario(tmp_path):
    path = tmp_path / "s.yml"
    path.write_text("roles: {a: {count: 2}, b: {}}")
    assert len(choose_scenario(path, hosts=30, seed=3).hosts()) == 30

"""From connection variables to hosts, held to the command line that Ansible builds from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssh_reference import ansible_ssh_words, as_ssh_shows, effective_options

from sockfleet.inventory.connection import ConnectionDefaults, resolve_hosts
from sockfleet.inventory.errors import InventoryError, UsageError
from sockfleet.inventory.models import (
    Connection,
    Group,
    Host,
    HostKeyPolicy,
    Inventory,
    InventoryHost,
    Probe,
    Secret,
)
from sockfleet.inventory.ssh_login import Login

NOTHING = ConnectionDefaults()


def inventory(
    hosts: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    member_of: tuple[str, ...] = (),
) -> Inventory:
    return Inventory(
        groups={
            name: Group(name=name, variables=variables)
            for name, variables in (groups or {}).items()
        },
        hosts={
            name: InventoryHost(
                name=name, groups=member_of, variables=variables, source="inventory.yml: all.hosts"
            )
            for name, variables in hosts.items()
        },
        sources=("inventory.yml",),
    )


def one(
    variables: Mapping[str, Any], defaults: ConnectionDefaults = NOTHING, name: str = "web1"
) -> Host:
    (host,), _ = resolve_hosts(inventory({name: variables}), [name], defaults)
    return host


def fault(variables: Mapping[str, Any], name: str = "web1") -> str:
    with pytest.raises(InventoryError) as caught:
        one(variables, name=name)
    return str(caught.value)


# Absolute paths alone: ssh takes ~ from the account, the tests have a home of their own. And -i
# with a file that is there: ssh drops it otherwise.
ANSIBLE = {
    "plain": {},
    "names": {
        "ansible_host": "10.0.0.1",
        "ansible_ssh_host": "10.0.0.2",
        "ansible_port": 22,
        "ansible_ssh_port": "2222",
        "ansible_user": "x",
        "ansible_ssh_user": "y",
        "ansible_timeout": 7,
        "ansible_ssh_timeout": "8",
        "ansible_private_key_file": "/a",
        "ansible_ssh_private_key_file": "/b c",
    },
    "older": {"ansible_ssh_host": "10.0.0.3", "ansible_ssh_port": 33, "ansible_ssh_user": "old"},
    "nulls": {"ansible_host": None, "ansible_port": None, "ansible_user": None},
    "numbers": {"ansible_user": 1000, "ansible_port": "22", "ansible_timeout": 5},
    "args": {
        "ansible_ssh_args": "-l first -p 99 -i /etc/hosts",
        "ansible_user": "second",
        "ansible_port": 98,
        "ansible_private_key_file": "/k1",
        "ansible_ssh_common_args": "-o User=third -o Port=97 -o IdentityFile=/k2",
        "ansible_ssh_extra_args": "-o IdentityFile=/k3 -6 -o HostKeyAlias=gate",
    },
    "overrides": {
        "ansible_ssh_args": "-4 -o AddressFamily=any -b 127.0.0.1",
        "ansible_ssh_common_args": "-6",
        "ansible_ssh_extra_args": "-b 127.0.0.2 -o Ciphers=aes128-ctr -c aes256-ctr",
    },
    "unchecked": {"ansible_host_key_checking": True, "ansible_ssh_host_key_checking": "yes"},
    "checked_last": {
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=accept-new",
        "ansible_host_key_checking": "true",
    },
    "quoted": {"ansible_ssh_common_args": '-o \'IdentityFile="/a b"\' -o User="me"'},
    "empty": {"ansible_user": "", "ansible_ssh_common_args": "", "ansible_ssh_args": ""},
    "ipv6": {"ansible_host": "2001:db8::1"},
}


def test_ansible_hands_ssh_what_we_understand(tmp_path: Path) -> None:
    recorded = ansible_ssh_words(ANSIBLE, tmp_path, "-u", "default", "--private-key", "/default")
    defaults = ConnectionDefaults(user="default", identity_files=("/default",))
    hosts, _ = resolve_hosts(inventory(ANSIBLE), list(ANSIBLE), defaults)
    for host in hosts:
        login = Login(address=host.address, port=host.port, ssh=host.ssh, bound=False)
        ours = as_ssh_shows(login)
        theirs = effective_options(["-F", "none", *recorded[host.name]])
        assert ours == {keyword: theirs[keyword] for keyword in ours}, host.name


def test_the_inventory_wins_over_the_command_line() -> None:
    defaults = ConnectionDefaults(
        user="cli", identity_files=("/cli",), port=1, agent="/agent", password=Secret("cli")
    )
    ours = one({}, defaults)
    assert (ours.ssh.user, ours.ssh.identity_files, ours.port) == ("cli", ("/cli",), 1)
    assert ours.ssh.agent == "/agent"
    assert ours.ssh.password == Secret("cli")
    theirs = one(
        {
            "ansible_user": "inv",
            "ansible_private_key_file": "/inv",
            "ansible_port": 2,
            "ansible_password": "inv",
        },
        defaults,
    )
    assert (theirs.ssh.user, theirs.ssh.identity_files, theirs.port) == ("inv", ("/inv",), 2)
    assert theirs.ssh.password == Secret("inv")
    assert one({"ansible_user": "", "ansible_password": ""}, defaults).ssh.user is None
    assert one({"ansible_password": ""}, defaults).ssh.password == Secret("cli")


def test_a_timeout_of_the_arguments_counts_where_no_variable_says_one() -> None:
    # Ansible always adds its own default of 10 s before these arguments; we have no such default.
    assert one({"ansible_ssh_common_args": "-o ConnectTimeout=5"}).ssh.connect_timeout_s == 5.0
    assert one({"ansible_timeout": 0}).ssh.connect_timeout_s is None


def test_host_key_checking_switched_off() -> None:
    hosts, notes = resolve_hosts(
        inventory({"a": {"ansible_host_key_checking": False}, "b": {}}), ["a", "b"], NOTHING
    )
    assert [host.ssh.host_keys for host in hosts] == [HostKeyPolicy.ACCEPT_NEW, None]
    (note,) = notes
    assert note.startswith("ansible_host_key_checking: StrictHostKeyChecking no is read as accept")
    assert one({"ansible_host_key_checking": "no"}).ssh.host_keys is HostKeyPolicy.ACCEPT_NEW


@pytest.mark.parametrize(
    ("said", "connection", "transport"),
    [
        (None, Connection.SSH, None),
        ("ssh", Connection.SSH, None),
        ("smart", Connection.SSH, None),
        ("ansible.builtin.ssh", Connection.SSH, None),
        ("paramiko", Connection.SSH, "paramiko"),
        ("paramiko_ssh", Connection.SSH, "paramiko"),
        ("ansible.builtin.paramiko_ssh", Connection.SSH, "paramiko"),
        ("local", Connection.LOCAL, None),
        ("ansible.builtin.local", Connection.LOCAL, None),
    ],
)
def test_connections(said: str | None, connection: Connection, transport: str | None) -> None:
    host = one({"ansible_connection": said})
    assert (host.connection, host.transport) == (connection, transport)


def test_a_local_host_needs_no_address() -> None:
    host = one({"ansible_connection": "local", "ansible_port": "{{ x }}"}, name="this machine")
    assert (host.name, host.address) == ("this machine", "localhost")


def test_paramikos_own_variables_count_for_paramiko_alone() -> None:
    variables = {
        "ansible_host": "a",
        "ansible_paramiko_host": "b",
        "ansible_paramiko_user": "p",
        "ansible_paramiko_proxy_command": "ssh -W %h:%p bastion",
    }
    assert one(variables).address == "a"
    assert one(variables).ssh.jumps == ()
    host = one({**variables, "ansible_connection": "paramiko"})
    assert (host.address, host.ssh.user) == ("b", "p")
    assert [hop.address for hop in host.ssh.jumps] == ["bastion"]


def test_the_transport_that_a_variable_names() -> None:
    variables = {"sockfleet_transport": "mine", "ansible_connection": "paramiko"}
    assert one(variables).transport == "mine"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"ansible_port": True}, "ansible_port: found True (bool), expected a port"),
        ({"ansible_port": 0}, "ansible_port: '0' is no port"),
        ({"ansible_port": 65536}, "'65536' is no port"),
        ({"ansible_port": "ssh"}, "'ssh' is no port"),
        ({"ansible_port": 22.0}, "found 22.0 (float)"),
        ({"ansible_ssh_port": [22]}, "ansible_ssh_port: found [22] (list)"),
        ({"ansible_host": ""}, "ansible_host: it is empty"),
        ({"ansible_host": 1.5}, "found 1.5 (float), expected text"),
        ({"ansible_host": True}, "found True (bool), expected text"),
        ({"ansible_host": "-oProxyCommand=x"}, "no host name or address"),
        ({"ansible_host": "me@web1"}, "ansible_user"),
        ({"ansible_host": "web1\x1b]0;x\x07"}, "'web1\\x1b]0;x\\x07'"),
        ({"ansible_user": "a b"}, "ansible_user: User: 'a b' is no user name"),
        ({"ansible_user": ["a"]}, "ansible_user: found ['a'] (list), expected text"),
        ({"ansible_user": "{{ who }}"}, "ansible_user: the template '{{ who }}' is not resolved"),
        ({"ansible_host": "{% if x %}a{% endif %}"}, "is not resolved"),
        ({"ansible_password": "{{ vault_pw }}"}, "the template is not resolved"),
        (
            {"ansible_password": {"__ansible_vault": "$ANSIBLE_VAULT;"}},
            "encrypted by ansible-vault",
        ),
        ({"ansible_user": "$ANSIBLE_VAULT;1.1;AES256\n61"}, "encrypted by ansible-vault"),
        ({"ansible_password": ["s3cret"]}, "found a secret (list), expected text"),
        ({"ansible_timeout": "soon"}, "expected a whole number of seconds"),
        ({"ansible_timeout": True}, "expected a whole number of seconds"),
        ({"ansible_timeout": 1.5}, "expected a whole number of seconds"),
        ({"ansible_timeout": -1}, "expected a whole number of seconds"),
        ({"ansible_host_key_checking": "maybe"}, "expected true or false"),
        ({"ansible_connection": "docker"}, "'docker' is not supported: there are ssh"),
        ({"ansible_connection": "community.docker.docker"}, "is not supported"),
        ({"ansible_connection": ["ssh"]}, "['ssh'] is not supported"),
        ({"sockfleet_transport": "a b"}, "expected the name of a transport"),
        ({"ansible_ssh_private_key": "-----BEGIN"}, "ansible_ssh_private_key: a key in the inv"),
        ({"ansible_ssh_pkcs11_provider": "/x.so"}, "PKCS#11"),
        ({"ansible_ssh_args": "-o 'User"}, "cannot be split into words"),
        ({"ansible_ssh_common_args": "-N"}, "ansible_ssh_common_args: -N is refused"),
        ({"ansible_ssh_common_args": ["-N"]}, "expected text"),
        ({"ansible_ssh_extra_args": "-o Nonsense=1"}, "ansible_ssh_extra_args: 'Nonsense'"),
    ],
)
def test_what_is_wrong_is_told_with_host_and_variable(variables: dict[str, Any], told: str) -> None:
    text = fault(variables)
    assert text.startswith("inventory.yml: all.hosts: host 'web1': ")
    assert told in text
    assert text.isprintable()
    assert "s3cret" not in text


@pytest.mark.parametrize("name", ["-web1", "a\nb", " a", "a\u202eb"])
def test_names_that_are_dangerous_to_show_are_refused(name: str) -> None:
    assert "is no host name" in fault({"ansible_host": "10.0.0.1"}, name)


def test_a_name_that_is_no_address_needs_one() -> None:
    assert one({"ansible_host": "10.0.0.1"}, name="db 1 (büro)").address == "10.0.0.1"
    assert "ansible_host gives it another address" in fault({}, "db 1")


def test_the_first_faulty_hosts_are_told_and_how_many_there_are() -> None:
    hosts = {f"web{n}": {"ansible_port": n} for n in range(-7, 3)}
    with pytest.raises(InventoryError) as caught:
        resolve_hosts(inventory(hosts), list(hosts), NOTHING)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "inventory.yml: 8 of 10 selected hosts cannot be reached as they are described:"
    )
    assert [line.split("'")[1] for line in lines[1:6]] == [f"web{n}" for n in range(-7, -2)]
    assert lines[6:] == ["  and 3 more"]


def test_an_empty_selection_is_an_error() -> None:
    with pytest.raises(UsageError, match="no host is selected"):
        resolve_hosts(inventory({"a": {}}), [], NOTHING)


def test_true_and_one_are_not_mixed_up_by_what_was_judged_before() -> None:
    hosts = {"a": {"ansible_port": 1}, "b": {"ansible_port": True}}
    with pytest.raises(InventoryError, match="host 'b'"):
        resolve_hosts(inventory(hosts), ["a", "b"], NOTHING)


def test_equal_settings_are_the_same_object() -> None:
    shared = {"ansible_user": "u", "ansible_ssh_common_args": "-J b -i /k/%r"}
    hosts = {f"web{n}": {**shared, "ansible_host": f"10.0.0.{n}"} for n in range(5)}
    resolved, _ = resolve_hosts(inventory(hosts), list(hosts), NOTHING)
    assert len({id(host.ssh) for host in resolved}) == 1
    assert [host.address for host in resolved] == [f"10.0.0.{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("defaults", "told"),
    [
        (ConnectionDefaults(user="a b"), "'a b' is no user name"),
        (ConnectionDefaults(port=0), "'0' is no port"),
        (ConnectionDefaults(ssh_config="/no/such/file"), "/no/such/file: this ssh_config cannot"),
    ],
)
def test_a_faulty_command_line_is_told_once(defaults: ConnectionDefaults, told: str) -> None:
    hosts: dict[str, dict[str, Any]] = {"a": {}, "b": {}}
    with pytest.raises(UsageError) as caught:
        resolve_hosts(inventory(hosts), ["a", "b"], defaults)
    assert str(caught.value).startswith(told)


def test_what_depends_on_the_host_is_not_shared(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host web2\n  User two\n  HostName 10.0.0.2\n")
    hosts = {
        "web1": {"ansible_ssh_common_args": "-i /k/%h"},
        "web2": {"ansible_ssh_common_args": "-i /k/%h"},
    }
    resolved, _ = resolve_hosts(
        inventory(hosts), list(hosts), ConnectionDefaults(ssh_config=str(config))
    )
    assert [(h.address, h.ssh.user, h.ssh.identity_files) for h in resolved] == [
        ("web1", None, ("/k/web1",)),
        ("10.0.0.2", "two", ("/k/10.0.0.2",)),
    ]


def test_a_config_file_of_the_arguments_replaces_the_default(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.write_text("User theirs\n")
    ours.write_text("User ours\nPort 7\n")
    defaults = ConnectionDefaults(ssh_config=str(ours))
    host = one({"ansible_ssh_common_args": f"-F {theirs}"}, defaults)
    assert (host.ssh.user, host.port) == ("theirs", 22)
    assert one({"ansible_ssh_args": "-F none"}, defaults).ssh.user is None


def test_secrets_stay_out_of_the_variables_of_a_host() -> None:
    host = one({"ansible_password": "s3", "ansible_become_password": "s3", "role": "db"})
    assert host.variables == {"role": "db"}
    assert "s3" not in repr(host)
    assert host.ssh.password is not None
    assert host.ssh.password.reveal() == "s3"


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


def test_variables_that_steer_the_ssh_program_are_passed_over() -> None:
    hosts = {"a": {"ansible_ssh_executable": "/x", "ansible_ssh_retries": 3}, "b": {}}
    _, notes = resolve_hosts(inventory(hosts), ["a", "b"], NOTHING)
    assert notes == [
        "ansible_ssh_executable: passed over, as no ssh program is run",
        "ansible_ssh_retries: passed over, as no ssh program is run",
    ]


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["-J b", "-o ProxyCommand='ssh -W %h:%p b'", "10.0.0.1", "ssh", "{{ x }}"])
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
)
NAMES = st.sampled_from(
    [
        *("ansible_host", "ansible_ssh_host", "ansible_port", "ansible_user", "ansible_password"),
        *("ansible_private_key_file", "ansible_ssh_common_args", "ansible_ssh_args"),
        *("ansible_connection", "ansible_timeout", "ansible_host_key_checking"),
        *("sockfleet_transport", "ansible_ssh_private_key", "ansible_ssh_extra_args"),
    ]
)


@given(st.text(max_size=15), st.dictionaries(NAMES, VALUES, max_size=5))
@settings(deadline=None)
def test_whatever_the_variables_a_host_is_clean_or_refused(
    name: str, variables: dict[str, Any]
) -> None:
    try:
        host = one(variables, name=name)
    except InventoryError as error:
        assert str(error).isprintable()
        return
    words = [host.name, host.address, host.ssh.user or "", *host.ssh.identity_files]
    words += [hop.address for hop in host.ssh.jumps]
    for word in words:
        assert word.isprintable()
        assert not word.startswith("-")
    assert 1 <= host.port <= 65535


def test_the_probe_is_full_unless_the_user_chooses():
    assert one({}).probe is Probe.FULL
    assert one({"sockfleet_probe": "forced"}).probe is Probe.FORCED
    assert one({"sockfleet_probe": "forced", "ansible_connection": "local"}).probe is Probe.FORCED


def test_the_inventory_s_probe_wins_over_the_command_line_s():
    forced = ConnectionDefaults(probe=Probe.FORCED)
    assert one({}, forced).probe is Probe.FORCED
    assert one({"sockfleet_probe": "full"}, forced).probe is Probe.FULL


@pytest.mark.parametrize("value", ["Forced", "", 1, True, ["forced"], {"forced": 1}])
def test_another_probe_is_refused_by_name(value):
    assert "sockfleet_probe" in fault({"sockfleet_probe": value})
    assert "expected full or forced" in fault({"sockfleet_probe": value})


def test_the_region_says_which_dask_workers_can_reach_a_host():
    assert one({"sockfleet_region": "eu"}).region == "eu"
    assert one({"sockfleet_region": "eu", "ansible_connection": "local"}).region == "eu"
    assert one({}).region is None
    assert one({"sockfleet_region": None}).region is None


@pytest.mark.parametrize(
    "value", ["", "a b", "eu=1", "eu,us", "ü", "x" * 65, 1, True, ["eu"], "-a"]
)
def test_a_region_that_no_worker_could_be_started_with_is_a_fault(value):
    assert "sockfleet_region" in fault({"sockfleet_region": value})
    assert "expected letters, digits" in fault({"sockfleet_region": value})

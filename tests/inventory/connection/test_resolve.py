"""Resolve hosts from connection variables, compared with the command line that Ansible builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.connection.resolve import resolve_hosts
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import Connection, HostKeyPolicy, Secret
from sockfleet.inventory.ssh_options.login import Login
from tests.support.fleet.resolved_hosts import NOTHING, fault, inventory, one
from tests.support.ssh.ssh_reference import (
    ansible_ssh_words,
    as_ssh_shows,
    effective_options,
    list_missed,
)

# Only absolute paths: ssh takes ~ from the account, while the tests set another HOME. The file of
# -i exists, because ssh drops missing ones.
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


def test_hosts_equal_the_ssh_command_line_of_ansible(tmp_path: Path) -> None:
    recorded = ansible_ssh_words(ANSIBLE, tmp_path, "-u", "default", "--private-key", "/default")
    defaults = ConnectionDefaults(user="default", identity_files=("/default",))
    hosts, _ = resolve_hosts(inventory(ANSIBLE), list(ANSIBLE), defaults)
    for host in hosts:
        login = Login(address=host.address, port=host.port, ssh=host.ssh, depends_on_host=False)
        ours = as_ssh_shows(login)
        theirs = effective_options(["-F", "none", *recorded[host.name]])
        assert ours == {keyword: theirs[keyword] for keyword in ours}, host.name
        # Ansible's own default of 10 s; ours stands in the scan's settings.
        assert list_missed(login, theirs) <= {"connecttimeout"}, host.name


def test_the_inventory_takes_precedence_over_the_command_line() -> None:
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


def test_connect_timeout_of_the_arguments_without_a_variable() -> None:
    # Ansible always adds its default of 10 s before these arguments; sockfleet has no such default.
    assert one({"ansible_ssh_common_args": "-o ConnectTimeout=5"}).ssh.connect_timeout_s == 5.0
    assert one({"ansible_timeout": 0}).ssh.connect_timeout_s is None


def test_disabled_host_key_checking_becomes_accept_new() -> None:
    hosts, notes = resolve_hosts(
        inventory({"a": {"ansible_host_key_checking": False}, "b": {}}), ["a", "b"], NOTHING
    )
    assert [host.ssh.host_keys for host in hosts] == [HostKeyPolicy.ACCEPT_NEW, None]
    (note,) = notes
    assert note.startswith("ansible_host_key_checking: StrictHostKeyChecking no is read as accept")
    assert one({"ansible_host_key_checking": "no"}).ssh.host_keys is HostKeyPolicy.ACCEPT_NEW


@pytest.mark.parametrize(
    ("value", "connection", "transport"),
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
def test_connection_types(value: str | None, connection: Connection, transport: str | None) -> None:
    host = one({"ansible_connection": value})
    assert (host.connection, host.transport) == (connection, transport)


def test_a_local_host_needs_no_address() -> None:
    host = one({"ansible_connection": "local", "ansible_port": "{{ x }}"}, name="this machine")
    assert (host.name, host.address) == ("this machine", "localhost")


def test_paramiko_variables_apply_only_to_paramiko() -> None:
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


def test_a_name_that_is_no_address_needs_ansible_host() -> None:
    assert one({"ansible_host": "10.0.0.1"}, name="db 1 (büro)").address == "10.0.0.1"
    assert "ansible_host gives it another address" in fault({}, "db 1")


def test_equal_settings_are_the_same_object() -> None:
    shared = {"ansible_user": "u", "ansible_ssh_common_args": "-J b -i /k/%r"}
    hosts = {f"web{n}": {**shared, "ansible_host": f"10.0.0.{n}"} for n in range(5)}
    resolved, _ = resolve_hosts(inventory(hosts), list(hosts), NOTHING)
    assert len({id(host.ssh) for host in resolved}) == 1
    assert [host.address for host in resolved] == [f"10.0.0.{n}" for n in range(5)]


def test_settings_that_depend_on_the_host_are_not_shared(tmp_path: Path) -> None:
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


def test_variables_of_the_ssh_program_are_ignored_with_a_note() -> None:
    hosts = {"a": {"ansible_ssh_executable": "/x", "ansible_ssh_retries": 3}, "b": {}}
    _, notes = resolve_hosts(inventory(hosts), ["a", "b"], NOTHING)
    assert notes == [
        "ansible_ssh_executable: ignored, as no ssh program is run",
        "ansible_ssh_retries: ignored, as no ssh program is run",
    ]


DOCKER, CLI = "community.docker.docker", "ansible.netcommon.network_cli"
HINT = "leave them out with -l to be rid of this warning"


def test_hosts_of_other_connections_are_left_out_with_a_note_and_the_linux_hosts_remain() -> None:
    hosts = {
        "web1": {},
        "win1": {"ansible_connection": "winrm"},
        "win2": {"ansible_connection": "winrm"},
        "box": {"ansible_connection": DOCKER},
        "switch": {"ansible_connection": CLI},
    }
    found, notes = resolve_hosts(inventory(hosts), list(hosts), NOTHING)
    assert [host.name for host in found] == ["web1"]
    left_out = {note.rpartition(" is not SSH: ")[::2] for note in notes}
    assert left_out == {
        ("2 of the selected hosts left out, as ansible_connection 'winrm'", "win1, win2; " + HINT),
        ("1 of the selected hosts left out, as ansible_connection " + repr(DOCKER), "box; " + HINT),
        ("1 of the selected hosts left out, as ansible_connection " + repr(CLI), "switch; " + HINT),
    }


def test_hosts_of_other_connections_alone_are_an_error() -> None:
    with pytest.raises(InventoryError, match="'winrm' is not supported: there are ssh"):
        resolve_hosts(inventory({"w": {"ansible_connection": "winrm"}}), ["w"], NOTHING)


def test_a_mistyped_connection_is_an_error_also_among_other_hosts() -> None:
    hosts: dict[str, dict[str, str]] = {"a": {}, "b": {"ansible_connection": "shh"}}
    with pytest.raises(InventoryError, match="host 'b': ansible_connection: 'shh' is not supp"):
        resolve_hosts(inventory(hosts), ["a", "b"], NOTHING)


def test_the_legacy_name_of_the_ssh_connection_is_ssh() -> None:
    assert one({"ansible_connection": "ansible.legacy.ssh"}).connection is Connection.SSH

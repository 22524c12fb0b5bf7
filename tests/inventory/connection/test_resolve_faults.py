"""Invalid connection variables: the fault names host and variable, and is safe to print."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockfleet.core.errors import UsageError
from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.connection.resolve import resolve_hosts
from sockfleet.inventory.errors import InventoryError
from tests.support.fleet.resolved_hosts import NOTHING, fault, inventory, one


@pytest.mark.parametrize(
    ("variables", "message"),
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
        (
            {"ansible_user": "{{ who }}"},
            "ansible_user: the template '{{ who }}' is not resolved: 'who' is und",
        ),
        ({"ansible_host": "{% if x %}a{% endif %}"}, "is not resolved"),
        ({"ansible_private_key_file": "-"}, "IdentityFile '-' is refused: it begins with '-'"),
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
def test_faults_name_host_and_variable(variables: dict[str, Any], message: str) -> None:
    text = fault(variables)
    assert text.startswith("inventory.yml: all.hosts: host 'web1': ")
    assert message in text
    assert text.isprintable()
    assert "s3cret" not in text


@pytest.mark.parametrize("name", ["-web1", "a\nb", " a", "a\u202eb"])
def test_unsafe_names_are_refused(name: str) -> None:
    assert "is no host name" in fault({"ansible_host": "10.0.0.1"}, name)


def test_the_error_names_the_first_faulty_hosts_and_their_number() -> None:
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


def test_true_and_1_have_different_cache_keys() -> None:
    hosts = {"a": {"ansible_port": 1}, "b": {"ansible_port": True}}
    with pytest.raises(InventoryError, match="host 'b'"):
        resolve_hosts(inventory(hosts), ["a", "b"], NOTHING)


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        (ConnectionDefaults(user="a b"), "'a b' is no user name"),
        (ConnectionDefaults(port=0), "'0' is no port"),
        (ConnectionDefaults(ssh_config="/no/such/file"), "/no/such/file: this ssh_config cannot"),
    ],
)
def test_an_invalid_command_line_is_reported_once(
    defaults: ConnectionDefaults, message: str
) -> None:
    hosts: dict[str, dict[str, Any]] = {"a": {}, "b": {}}
    with pytest.raises(UsageError) as caught:
        resolve_hosts(inventory(hosts), ["a", "b"], defaults)
    assert str(caught.value).startswith(message)


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
def test_any_variables_give_a_safe_host_or_an_error(name: str, variables: dict[str, Any]) -> None:
    try:
        host = one(variables, name=name)
    except InventoryError as error:
        assert str(error).isprintable()
        return
    words = [host.name, host.address, host.ssh.user or "", *(host.ssh.identity_files or ())]
    words += [hop.address for hop in host.ssh.jumps]
    for word in words:
        assert word.isprintable()
        assert not word.startswith("-")
    assert 1 <= host.port <= 65535

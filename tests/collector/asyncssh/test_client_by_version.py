"""Which path a login takes with which version of asyncssh; both know the same algorithms."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from importlib.metadata import version

import asyncssh
import pytest
from packaging.version import Version

from sockfleet.collector.asyncssh import fast_connection, public_api_connection
from sockfleet.collector.asyncssh.client_by_version import TRIED_VERSIONS, load_client
from sockfleet.collector.ssh.algorithms import CIPHERS, HOST_KEYS, KEX, MACS
from sockfleet.inventory.models import Host
from tests.support.paths import ROOT
from tests.support.ssh.over_ssh import ask, ssh_settings

CERTIFICATES = tuple(f"{name}-cert-v01@openssh.com" for name in HOST_KEYS)
UNSUPPORTED = ("", "none", "nonsense", "größe", "x509v3-ssh-rsa", "ssh-ed25519,ssh-rsa")


def test_the_installed_version_takes_the_fast_path():
    assert load_client() is fast_connection
    installed = Version(version("asyncssh"))
    assert f"{installed.major}.{installed.minor}" in TRIED_VERSIONS


@pytest.mark.parametrize("untried", ["2.25.0", "2.240.1", "2.2", "2.30", "3.0.0", "2.25.0rc1"])
def test_an_untried_version_takes_the_public_path_and_says_so_once(untried, caplog):
    with caplog.at_level(logging.INFO, "sockfleet.collector"):
        assert load_client(untried) is public_api_connection
    (line,) = caplog.messages
    assert untried in line


def test_a_tried_version_says_nothing(caplog):
    with caplog.at_level(logging.INFO, "sockfleet.collector"):
        assert load_client("2.24.99") is fast_connection
    assert caplog.messages == []


def test_a_host_is_read_with_an_untried_version(sshd, settings, mocker, caplog):
    mocker.patch.object(load_client, "__defaults__", ("2.99.0",))
    connect = mocker.spy(asyncssh, "connect")
    begun = mocker.spy(fast_connection.FastConnection, "__init__")
    host = Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh_settings(sshd))
    with caplog.at_level(logging.INFO, "sockfleet.collector"):
        assert ask("asyncssh", settings, host, "echo out").stdout == b"out\n"
    assert (connect.call_count, begun.call_count) == (1, 0)
    assert len([line for line in caplog.messages if "2.99.0" in line]) == 1


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("kex", (*KEX, "diffie-hellman-group1-sha1")),
        ("ciphers", (*CIPHERS, "aes256-cbc", "arcfour")),
        ("macs", (*MACS, "hmac-md5")),
        ("signatures", (*HOST_KEYS, "ssh-rsa", *CERTIFICATES)),
        ("host_keys", (*HOST_KEYS, "ssh-rsa", *CERTIFICATES)),
    ],
)
def test_both_paths_know_the_same_algorithms(kind, names):
    fast, public = (
        getattr(path.supported_algorithms(), kind)
        for path in (fast_connection, public_api_connection)
    )
    asked = (*names, *UNSUPPORTED)
    assert [name for name in asked if name in public] == [name for name in asked if name in fast]


def test_a_machine_that_cannot_make_options_is_not_taken_for_a_missing_algorithm(mocker):
    lack = ValueError("Unknown local username: set one of LOGNAME, USER")
    mocker.patch.object(asyncssh, "SSHClientConnectionOptions", side_effect=lack)
    with pytest.raises(ValueError, match="Unknown local username"):
        assert "made-up-for-this-test" in public_api_connection.supported_algorithms().kex


def names_of_asyncssh(source: str) -> Iterator[str]:
    """Every ``asyncssh.NAME`` in a module, and every private attribute of an object not its own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and not node.level and "asyncssh" in str(node.module):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            if owner == "asyncssh" or (node.attr[0] == "_" and owner not in ("self", "cls")):
                yield node.attr


def test_only_the_fast_path_uses_names_that_asyncssh_does_not_export():
    folders = [ROOT / "collector" / name for name in ("asyncssh", "sampling", "ssh")]
    modules = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    using = {
        path.name: private
        for path in modules
        if (private := set(names_of_asyncssh(path.read_text())) - set(asyncssh.__all__))
    }
    assert using.keys() == {"fast_channels.py", "fast_connection.py", "session_packets.py"}, using

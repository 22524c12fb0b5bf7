"""Lists of algorithms as ssh_config(5) writes them."""

from __future__ import annotations

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.algorithms import (
    CIPHERS,
    HOST_KEYS,
    KEX,
    MACS,
    choose_algorithms,
    host_key_order,
)

POLICY = ("a1", "a2", "b1", "gone")
WEAK = (b"sha1", b"md5", b"cbc", b"arcfour", b"ssh-rsa", b"ssh-dss", b"group1-")
SUPPORTED = {"a1", "a2", "b1", "old", "older"}


@pytest.mark.parametrize(
    ("requested", "wanted"),
    [
        ((), ("a1", "a2", "b1")),
        (("b1", "old"), ("b1", "old")),
        (("+old", "older"), ("a1", "a2", "b1", "old", "older")),
        (("^old", "a2"), ("old", "a2", "a1", "b1")),
        (("-a?",), ("b1",)),
        (("-a1", "b*"), ("a2",)),
        (("gone", "a1"), ("a1",)),
        (("a1", "a1"), ("a1",)),
    ],
)
def test_a_users_list_changes_the_policy(requested, wanted):
    assert choose_algorithms("ciphers", requested, POLICY, SUPPORTED) == wanted


@pytest.mark.parametrize("requested", [("gone",), ("-*",)])
def test_a_list_that_leaves_no_algorithm_is_a_config_error(requested):
    with pytest.raises(HostError, match="this client has none of the requested ciphers") as raised:
        choose_algorithms("ciphers", requested, POLICY, SUPPORTED)
    assert (raised.value.category, raised.value.phase) == (Category.CONFIG, Phase.CONFIG)
    assert requested[0] in raised.value.message


@given(st.lists(st.sampled_from(["a1", "b1", "+a1", "-a1", "^b1", "+", "x", "gone"])))
def test_every_chosen_name_is_supported_and_comes_once(requested):
    try:
        usable = choose_algorithms("ciphers", requested, POLICY, SUPPORTED)
    except HostError:
        return
    assert usable
    assert len(set(usable)) == len(usable)
    assert set(usable) <= SUPPORTED


@pytest.mark.parametrize("policy", [KEX, CIPHERS, MACS, HOST_KEYS])
def test_the_policy_has_no_weak_algorithm(policy):
    assert not [name for name in policy for weak in WEAK if weak in name.encode()]


@pytest.mark.parametrize(
    ("option", "policy"),
    [
        ("kex_algs", KEX),
        ("encryption_algs", CIPHERS),
        ("mac_algs", MACS),
        ("server_host_key_algs", HOST_KEYS),
    ],
)
def test_asyncssh_has_every_algorithm_of_the_policy(option, policy):
    options = asyncssh.SSHClientConnectionOptions(
        config=None, client_keys=None, **{option: list(policy)}
    )
    taken = [name if isinstance(name, str) else name.decode() for name in getattr(options, option)]
    assert taken == list(policy)


def test_known_host_keys_come_first():
    order = host_key_order(HOST_KEYS, ("rsa-sha2-512", "ssh-ed25519"))
    assert order[:2] == ("rsa-sha2-512", "ssh-ed25519")
    assert sorted(order) == sorted(HOST_KEYS)


def test_certificates_are_offered_only_where_an_authority_is_known():
    certificate = "ssh-ed25519-cert-v01@openssh.com"
    assert certificate not in host_key_order(HOST_KEYS, ())
    assert host_key_order(HOST_KEYS, (certificate,))[0] == certificate


def test_a_host_key_algorithm_that_the_user_excludes_stays_excluded():
    certificate = "ssh-ed25519-cert-v01@openssh.com"
    assert host_key_order(("rsa-sha2-512",), (certificate, "ssh-ed25519")) == ("rsa-sha2-512",)

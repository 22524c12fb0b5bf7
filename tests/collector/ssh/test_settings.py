"""A host's own settings take precedence over the scan's."""

from __future__ import annotations

from dataclasses import fields

from sockfleet.collector.ssh.settings import resolve_settings
from sockfleet.inventory.models import Hop, HostKeyPolicy, Secret, SshSettings

HOP = Hop(address="bastion", ssh=SshSettings(user="jump"))
FULL = SshSettings(
    user="root",
    identity_files=("key",),
    certificate_files=("key-cert.pub",),
    agent="agent.sock",
    identities_only=True,
    password=Secret("secret"),
    login_methods=("publickey",),
    gssapi=True,
    known_hosts_files=("known_hosts",),
    host_key_alias="alias",
    host_keys=HostKeyPolicy.ACCEPT_NEW,
    connect_timeout_s=3.0,
    kex_algorithms=("curve25519-sha256",),
    ciphers=("aes128-ctr",),
    macs=("hmac-sha2-256",),
    host_key_algorithms=("ssh-ed25519",),
    public_key_algorithms=("ssh-ed25519",),
    address_family=2,
    bind_address="192.0.2.1",
    jumps=(HOP,),
)


def test_the_scan_completes_all_settings_but_user_and_identity():
    filled = resolve_settings(SshSettings(), FULL)
    differing = {
        f.name for f in fields(SshSettings) if getattr(filled, f.name) != getattr(FULL, f.name)
    }
    assert differing == {"user", "identity_files"}


def test_settings_of_the_host_stay():
    assert resolve_settings(FULL, SshSettings(agent="other", ciphers=("aes256-ctr",))) == FULL


def test_a_route_of_its_own_replaces_the_scans_route():
    proxied = resolve_settings(SshSettings(proxy_command="nc %h %p"), FULL)
    assert (proxied.jumps, proxied.proxy_command) == ((), "nc %h %p")
    jumping = resolve_settings(SshSettings(jumps=(HOP,)), SshSettings(proxy_command="nc"))
    assert (jumping.jumps, jumping.proxy_command) == ((HOP,), None)


def test_equal_settings_return_one_object():
    assert resolve_settings(SshSettings(user="a"), FULL) is resolve_settings(
        SshSettings(user="a"), FULL
    )

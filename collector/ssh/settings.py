"""A host's own SSH settings, completed by the scan's defaults, for both SSH transports."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ...inventory.models import SshSettings

__all__ = ["resolve_bastion_settings", "resolve_settings"]

_FIELDS = (
    "certificate_files",
    "agent",
    "identities_only",
    "password",
    "login_methods",
    "gssapi",
    "known_hosts_files",
    "host_key_alias",
    "host_keys",
    "connect_timeout_s",
    "kex_algorithms",
    "ciphers",
    "macs",
    "host_key_algorithms",
    "public_key_algorithms",
    "authority_algorithms",
    "least_rsa_bits",
    "address_family",
    "bind_address",
)


@lru_cache(maxsize=4096)
def resolve_settings(ssh: SshSettings, defaults: SshSettings) -> SshSettings:
    """Return ``ssh`` with ``defaults`` for every field that is empty or None.

    User and identities are already in ``ssh``. The jump hosts and proxy command of ``defaults``
    apply only where ``ssh`` has neither. Equal arguments return the same object.
    """
    filled = {
        name: getattr(defaults, name)
        for name in _FIELDS
        if not getattr(ssh, name) and getattr(defaults, name)
    }
    if not ssh.jumps and ssh.proxy_command is None:
        filled["jumps"] = defaults.jumps
        filled["proxy_command"] = defaults.proxy_command
    return replace(ssh, **filled)


def resolve_bastion_settings(ssh: SshSettings, defaults: SshSettings) -> SshSettings:
    """As `resolve_settings`, for a jump host: no jumps or proxy command from ``defaults``."""
    return resolve_settings(ssh, replace(defaults, jumps=(), proxy_command=None))

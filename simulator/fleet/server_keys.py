"""Host keys of simulated hosts: the key that a host shows, and its line in known_hosts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import asyncssh

from ..scenario.faults import Fault
from ..scenario.scenario import HostKeys, SimulatedHost

__all__ = ["ServerKey", "fleet_keys", "new_user_key", "public_line", "server_key"]

_DAY_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKey:
    """The host key of one host."""

    shown: asyncssh.SSHKey | asyncssh.SSHKeyPair
    certificates: tuple[asyncssh.SSHCertificate, ...] = ()
    known: tuple[str, asyncssh.SSHKey]
    """The marker (empty: none) and the key of its line in known_hosts."""


def fleet_keys(hosts: Iterable[SimulatedHost], kind: HostKeys) -> dict[str, ServerKey]:
    """Generate the keys of a fleet's hosts, by host name."""
    shared = _new_key()
    return {
        host.name: server_key(_new_key() if kind is HostKeys.OWN else shared, host.fault)
        for host in hosts
    }


def server_key(key: asyncssh.SSHKey, fault: Fault | None) -> ServerKey:
    """Return the keys of a host with ``key`` and ``fault``."""
    if fault is Fault.CHANGED_KEY:
        return ServerKey(shown=key, known=("", _new_key()))
    if fault is Fault.REVOKED_KEY:
        return ServerKey(shown=key, known=("@revoked", key))
    if fault is Fault.STOLEN_NAME:
        (impostor,) = asyncssh.load_keypairs([_new_key()])
        impostor.public_data = key.public_data
        return ServerKey(shown=impostor, known=("", key))
    if fault in {Fault.EXPIRED_CERTIFICATE, Fault.FOREIGN_CERTIFICATE}:
        authority, now = _new_key(), int(time.time())
        expired = fault is Fault.EXPIRED_CERTIFICATE
        certificate = authority.generate_host_certificate(
            key,
            "simulated",
            principals=[],
            valid_after=now - 2 * _DAY_S,
            valid_before=now + (-_DAY_S if expired else _DAY_S),
        )
        trusted = authority if expired else _new_key()
        return ServerKey(shown=key, certificates=(certificate,), known=("@cert-authority", trusted))
    return ServerKey(shown=key, known=("", key))


def new_user_key() -> asyncssh.SSHKey:
    """Generate a key for a fleet's user."""
    return asyncssh.generate_private_key("ssh-ed25519", comment="sockfleet-simulator")


def public_line(key: asyncssh.SSHKey) -> str:
    """The key's type and base64 text, in the form of known_hosts."""
    return key.export_public_key().decode("ascii").strip()


def _new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")

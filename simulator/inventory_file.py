"""The files that lead a scan to a simulated fleet: its inventory and its known_hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import asyncssh

from .faults import Fault
from .scenario import SimulatedHost
from .server_keys import ServerKey, public_line

__all__ = ["FleetFiles", "host_addresses", "inventory_text", "known_hosts_text"]

_FIRST_ADDRESS = int(IPv4Address("127.64.0.1"))


def host_addresses(hosts: Iterable[SimulatedHost]) -> dict[str, str]:
    """The address of each host, by its name: one after the other in 127.64.0.0/10."""
    return {
        host.name: str(IPv4Address(_FIRST_ADDRESS + number)) for number, host in enumerate(hosts)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFiles:
    """Where a fleet's files are, or will be, in its folder."""

    folder: Path

    @property
    def inventory(self) -> Path:
        """For a scan to read."""
        return self.folder / "inventory.yml"

    @property
    def known_hosts(self) -> Path:
        """The hosts' keys."""
        return self.folder / "known_hosts"

    @property
    def identity(self) -> Path:
        """The private key that the hosts let in, readable by its owner alone."""
        return self.folder / "id_ed25519"

    def write(
        self,
        hosts: Iterable[SimulatedHost],
        addresses: Mapping[str, str],
        *,
        port: int,
        user: str,
        user_key: asyncssh.SSHKey,
        host_keys: Mapping[str, ServerKey],
        other_ports: Mapping[str, int] | None = None,
    ) -> None:
        """Write all of them. ``other_ports``: the hosts, by name, that are not on ``port``."""
        hosts, others = tuple(hosts), other_ports or {}
        self.identity.unlink(missing_ok=True)
        self.identity.touch(mode=0o600)
        self.identity.write_bytes(user_key.export_private_key())
        self.identity.with_suffix(".pub").write_bytes(user_key.export_public_key())
        ports = {host.name: others.get(host.name, port) for host in hosts}
        self.known_hosts.write_text(known_hosts_text(hosts, addresses, ports, host_keys))
        self.inventory.write_text(
            inventory_text(
                hosts,
                addresses,
                port=port,
                user=user,
                identity=self.identity.absolute(),
                other_ports=others,
            )
        )


def inventory_text(
    hosts: Iterable[SimulatedHost],
    addresses: Mapping[str, str],
    *,
    port: int,
    user: str,
    identity: Path,
    other_ports: Mapping[str, int],
) -> str:
    """An Ansible inventory in YAML; hosts of no group stand below ``all`` alone."""
    import yaml

    everyone: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for host in hosts:
        variables: dict[str, str | int] = {"ansible_host": addresses[host.name]}
        if host.name in other_ports:
            variables["ansible_port"] = other_ports[host.name]
        everyone[host.name] = {**variables, **host.role.variables}
        for group in host.role.groups:
            groups.setdefault(group, {"hosts": {}})["hosts"][host.name] = None
    document = {
        "all": {
            "vars": {
                "ansible_port": port,
                "ansible_user": user,
                "ansible_ssh_private_key_file": str(identity),
            },
            "hosts": everyone,
            "children": groups,
        }
    }
    # Five times as fast where PyYAML has libyaml, which matters for 10,000 hosts.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True)
    return text


def known_hosts_text(
    hosts: Iterable[SimulatedHost],
    addresses: Mapping[str, str],
    ports: Mapping[str, int],
    keys: Mapping[str, ServerKey],
) -> str:
    """The hosts' keys as sshd(8) describes the format; the key faults are played here."""
    lines = []
    for host in hosts:
        if host.fault is not Fault.UNKNOWN_KEY:
            marker, key = keys[host.name].known
            marker += " " if marker else ""
            where = f"[{addresses[host.name]}]:{ports[host.name]}"
            lines.append(f"{marker}{where} {public_line(key)}\n")
    return "".join(lines)

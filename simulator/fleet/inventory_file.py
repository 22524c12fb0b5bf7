"""Write the files that a scan of a simulated fleet needs: inventory, known_hosts and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncssh

from ..scenario.faults import Fault
from ..scenario.scenario import SimulatedHost
from .folder import FleetFolder
from .server_keys import ServerKey, public_line

__all__ = ["inventory_text", "known_hosts_text", "write_files"]


def write_files(
    fleet: FleetFolder,
    user_key: asyncssh.SSHKey,
    host_keys: Mapping[str, ServerKey],
    other_ports: Mapping[str, int] | None = None,
) -> None:
    """Write a fleet's inventory, its known_hosts, and the key that its hosts accept.

    ``host_keys`` are by host name; ``other_ports`` holds hosts with another port than
    ``fleet.port``.
    """
    others = other_ports or {}
    fleet.identity.unlink(missing_ok=True)
    fleet.identity.touch(mode=0o600)
    fleet.identity.write_bytes(user_key.export_private_key())
    fleet.identity.with_suffix(".pub").write_bytes(user_key.export_public_key())
    ports = {host.name: others.get(host.name, fleet.port) for host in fleet.hosts}
    fleet.known_hosts.write_text(known_hosts_text(fleet.hosts, fleet.addresses, ports, host_keys))
    fleet.inventory.write_text(
        inventory_text(
            fleet.hosts,
            fleet.addresses,
            port=fleet.port,
            user=fleet.scenario.user,
            identity=fleet.identity.absolute(),
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
    """An Ansible inventory in YAML; hosts without a group are only in ``all``."""
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
    # Use libyaml where PyYAML has it: it is faster, which matters for 10,000 hosts.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True)
    return text


def known_hosts_text(
    hosts: Iterable[SimulatedHost],
    addresses: Mapping[str, str],
    ports: Mapping[str, int],
    keys: Mapping[str, ServerKey],
) -> str:
    """The hosts' keys in the format of sshd(8), with the faults of host keys."""
    lines = []
    for host in hosts:
        if host.fault is not Fault.UNKNOWN_KEY:
            marker, key = keys[host.name].known
            marker += " " if marker else ""
            where = f"[{addresses[host.name]}]:{ports[host.name]}"
            lines.append(f"{marker}{where} {public_line(key)}\n")
    return "".join(lines)

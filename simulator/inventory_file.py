"""The files that lead a scan to a simulated fleet: its inventory and its known_hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .faults import Fault
from .scenario import SimulatedHost
from .server_keys import ServerKey, public_line

__all__ = ["inventory_text", "known_hosts_text"]


def inventory_text(
    hosts: Iterable[SimulatedHost],
    addresses: Mapping[str, str],
    *,
    port: int,
    user: str,
    identity: Path,
) -> str:
    """An Ansible inventory in YAML; hosts of no group stand below ``all`` alone."""
    import yaml

    everyone: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for host in hosts:
        everyone[host.name] = {"ansible_host": addresses[host.name], **host.role.variables}
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
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def known_hosts_text(
    hosts: Iterable[SimulatedHost],
    addresses: Mapping[str, str],
    port: int,
    keys: Mapping[str, ServerKey],
) -> str:
    """The hosts' keys as sshd(8) describes the format; the key faults are played here."""
    lines = []
    for host in hosts:
        if host.fault is not Fault.UNKNOWN_KEY:
            marker, key = keys[host.name].known
            marker += " " if marker else ""
            lines.append(f"{marker}[{addresses[host.name]}]:{port} {public_line(key)}\n")
    return "".join(lines)

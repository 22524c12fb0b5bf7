"""sockfleet itself: the engine with each transport, and the whole command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from client_cpu import Peer
from fleet_target import Target


def _asked(
    target: Target, addresses: Sequence[str], transport: str, *, namespaces: bool
) -> Iterable[tuple[str, bytes]]:
    from sockfleet.cli.collecting import collect
    from sockfleet.collector.engine import EngineSettings
    from sockfleet.collector.probe import ProbeOptions
    from sockfleet.collector.reading import HostOutcome
    from sockfleet.collector.transport import TransportSettings
    from sockfleet.inventory.models import Host, SshSettings

    ssh = SshSettings(user=target.user, identity_files=(target.identity,))
    hosts = [Host(name=a, address=a, port=target.port, ssh=ssh) for a in addresses]
    settings = EngineSettings(
        transport=transport,
        retries=0,
        probe=ProbeOptions(namespaces=namespaces),
        transport_settings=TransportSettings(known_hosts_files=(target.known_hosts,)),
    )
    outcomes: list[HostOutcome] = []
    collect(hosts, settings, outcomes.append)
    return ((outcome.host.name, _tcp_line(outcome)) for outcome in outcomes)


def _tcp_line(outcome: object) -> bytes:
    """As the host's file shows it, from the numbers that were read; a failure's own words."""
    from sockfleet.collector.reading import HostReading

    if not isinstance(outcome, HostReading):
        return str(outcome).encode()
    words = [f"{key} {outcome.sockstat.get('TCP', key)}" for key in _KEYS]
    return f"TCP: {' '.join(words)}".encode()


_KEYS = ("inuse", "orphan", "tw", "alloc", "mem")


def with_default_probe(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _asked(target, addresses, "asyncssh", namespaces=True)


def without_namespaces(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _asked(target, addresses, "asyncssh", namespaces=False)


def over_paramiko(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _asked(target, addresses, "paramiko", namespaces=True)


def whole_command(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    """``sockfleet scan`` with everything: inventory, summary, ranking, JSON."""
    done = subprocess.run(scan_command(target, addresses), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"sockfleet scan: {done.returncode}: {done.stderr.decode()[-300:]}")
    return ((host["name"], _from_document(host)) for host in json.loads(done.stdout)["hosts"])


def scan_command(target: Target, addresses: Sequence[str], *more: str) -> list[str]:
    """The command line; what it needs is written into the target's folder."""
    inventory = Path(target.folder, "scan.ini")
    inventory.write_text("\n".join([*addresses, "[all:vars]", f"ansible_port={target.port}", ""]))
    return [
        str(Path(sys.executable).with_name("sockfleet")),
        *("scan", str(inventory), "--format", "json", "--quiet"),
        *("--user", target.user, "--identity", target.identity),
        *("--known-hosts", target.known_hosts, *more),
    ]


def _from_document(host: dict[str, dict[str, object]]) -> bytes:
    if "tcp" not in host:
        return json.dumps(host.get("error")).encode()
    tcp = {**host["tcp"], "mem": host["tcp"]["mem_pages"]}
    return f"TCP: {' '.join(f'{key} {tcp[key]}' for key in _KEYS)}".encode()


OURS = (
    Peer(
        name="sockfleet",
        ask=with_default_probe,
        how="default probe: both files, namespaces and kernel settings; host keys checked",
    ),
    Peer(
        name="sockfleet files only",
        ask=without_namespaces,
        how="--no-namespaces: the like of the others' cat",
    ),
    Peer(name="sockfleet on paramiko", ask=over_paramiko, how="--transport paramiko"),
    Peer(
        name="sockfleet scan",
        ask=whole_command,
        is_command=True,
        how="the whole command: inventory, probe, summary, ranking, JSON",
    ),
)

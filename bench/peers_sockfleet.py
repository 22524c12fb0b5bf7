"""sockfleet itself: the engine with each transport, and the whole command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

from client_cpu import Peer
from fleet_target import Target

from sockfleet.cli.commands.scan import command as scan
from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.outcome import HostOutcome, HostReading
from sockfleet.collector.probe.script import ProbeOptions
from sockfleet.collector.runtime.event_loop import run_on_event_loop
from sockfleet.collector.sampling.fleet_sampler import FleetSampler, SamplingSettings
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, SshSettings
from sockfleet.scan.collect import collect

LOGINS, SAMPLES = 2, 20
"""Numbers of rounds; the second round of logins opens the sessions of the samples."""


def hosts_of(target: Target, addresses: Sequence[str]) -> list[Host]:
    """Return the addresses as hosts of an inventory."""
    ssh = SshSettings(user=target.user, identity_files=(target.identity,))
    return [Host(name=a, address=a, port=target.port, ssh=ssh) for a in addresses]


def settings_for(
    target: Target, *, transport: str = "asyncssh", namespaces: bool
) -> EngineSettings:
    """Return the settings of the command with default options."""
    at_once = default_of("concurrency")
    return EngineSettings(
        concurrency=at_once,
        transport=transport,
        retries=0,
        probe=ProbeOptions(namespaces=namespaces),
        transport_settings=TransportSettings(
            known_hosts_files=(target.known_hosts,), concurrency=at_once
        ),
    )


def default_of(option: str) -> int:
    """Return the default of an option of the command."""
    (value,) = (one.default for one in scan.params if one.name == option)
    assert isinstance(value, int)
    return value


def _collect(
    target: Target, addresses: Sequence[str], transport: str, *, namespaces: bool
) -> Iterable[tuple[str, bytes]]:
    outcomes: list[HostOutcome] = []
    settings = settings_for(target, transport=transport, namespaces=namespaces)
    collect(hosts_of(target, addresses), settings, outcomes.append, stoppable=nullcontext)
    return ((outcome.host.name, _tcp_line(outcome)) for outcome in outcomes)


def _sample(
    target: Target, addresses: Sequence[str], rounds: int, *, namespaces: bool
) -> Iterable[tuple[str, bytes]]:
    """Sample ``rounds`` times over open connections; return the last round."""
    settings = settings_for(target, namespaces=namespaces)
    hosts = hosts_of(target, addresses)

    async def everyone() -> list[HostOutcome]:
        outcomes: list[HostOutcome] = []
        async with FleetSampler(hosts, settings, SamplingSettings(interval_s=0)) as fleet:
            async for done in fleet.rounds(rounds):
                outcomes = [sample.outcome for sample in done.samples]
        return outcomes

    outcomes = run_on_event_loop(everyone())
    return ((outcome.host.name, _tcp_line(outcome)) for outcome in outcomes)


def _tcp_line(outcome: HostOutcome) -> bytes:
    """Return the TCP line with the numbers that were read, or the text of a failure."""
    if not isinstance(outcome, HostReading):
        return str(outcome).encode()
    words = [f"{key} {outcome.sockstat.get('TCP', key)}" for key in _KEYS]
    return f"TCP: {' '.join(words)}".encode()


_KEYS = ("inuse", "orphan", "tw", "alloc", "mem")


def with_default_probe(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _collect(target, addresses, "asyncssh", namespaces=True)


def without_namespaces(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _collect(target, addresses, "asyncssh", namespaces=False)


def over_paramiko(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _collect(target, addresses, "paramiko", namespaces=True)


def warm(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _sample(target, addresses, LOGINS + SAMPLES, namespaces=True)


def warm_before(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _sample(target, addresses, LOGINS, namespaces=True)


def warm_files(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _sample(target, addresses, LOGINS + SAMPLES, namespaces=False)


def warm_files_before(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return _sample(target, addresses, LOGINS, namespaces=False)


def whole_command(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    """Run the whole ``sockfleet scan``: inventory, summary, ranking, JSON."""
    done = subprocess.run(scan_command(target, addresses), capture_output=True, check=False)
    if done.returncode not in {0, 3, 4}:  # with a result, for some hosts or none
        raise RuntimeError(f"sockfleet scan: {done.returncode}: {done.stderr.decode()[-300:]}")
    return ((host["name"], _from_document(host)) for host in json.loads(done.stdout)["hosts"])


def scan_command(target: Target, addresses: Sequence[str], *more: str) -> list[str]:
    """Return the command line; its inventory is written to the target's folder."""
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


PEERS = (
    Peer(
        name="sockfleet",
        read_hosts=with_default_probe,
        setup="default probe: both files, namespaces and kernel settings; host keys checked",
    ),
    Peer(
        name="sockfleet files only",
        read_hosts=without_namespaces,
        is_variant=True,
        setup="--no-namespaces: the same files as the others' cat",
    ),
    Peer(
        name="sockfleet warm",
        read_hosts=warm,
        before=warm_before,
        samples=SAMPLES,
        setup="a sample over a connection that stays: a shell of builtins, with namespaces",
    ),
    Peer(
        name="sockfleet warm files only",
        read_hosts=warm_files,
        is_variant=True,
        before=warm_files_before,
        samples=SAMPLES,
        setup="a sample over a connection that stays: SFTP, both reads in one write",
    ),
    Peer(
        name="sockfleet on paramiko",
        read_hosts=over_paramiko,
        is_variant=True,
        setup="--transport paramiko",
    ),
    Peer(
        name="sockfleet scan",
        read_hosts=whole_command,
        is_variant=True,
        is_command=True,
        setup="the whole command: inventory, probe, summary, ranking, JSON",
    ),
)

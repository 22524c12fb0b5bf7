"""What one cold host costs the client: CPU time of sockfleet beside asyncssh, paramiko and ssh.

    python bench/scan_cost.py [--hosts 300] [--rounds 5] [--kex METHOD,…] [--quick]

Each client logs in to every simulated host with a key, checks the host's key, runs the probe and
parses the answer; any host that fails ends the run with 1. Each measurement is a process of its
own; imports and a warm-up are not counted, child processes are. The clients take turns, and the
crypto floor (one X25519 exchange, one Ed25519 signature and one verification) is measured in every
round: only ratios within a round hold from one minute to the next.

The server, asyncssh, costs more than the clients and shares the machine, so the clients' event
loops are often idle and their caches cold: read the ratios, not the milliseconds.

The others get what helps them most: known_hosts parsed once (asyncssh), one line for each host
(paramiko), no ssh_config, no agent. ``ssh`` is started once a host, for fewer hosts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sockfleet.collector.probe import new_mark, parse_probe, probe_command
from sockfleet.simulator.process import FleetProcess

AT_ONCE = 32
WARM_UP = 50
SLOW = 10  # ssh processes: a tenth of the hosts tells as much
USER = "probe"
CURVE25519 = "curve25519-sha256,curve25519-sha256@libssh.org"
"""One method under both its names: paramiko knows the older alone."""


@dataclass(frozen=True)
class Target:
    """The fleet as a client sees it."""

    port: int
    folder: Path
    addresses: tuple[str, ...]

    @property
    def identity(self) -> str:
        return str(self.folder / "id_ed25519")

    @property
    def known_hosts(self) -> str:
        return str(self.folder / "known_hosts")

    def known_host(self, address: str) -> str:
        """A known_hosts file for this host alone."""
        return str(self.folder / "known" / address)


Client = Callable[[Target, Sequence[str]], int]
"""Asks the addresses, and returns how many of them gave a whole reading."""


def with_sockfleet(transport: str) -> Client:
    def ask(target: Target, addresses: Sequence[str]) -> int:
        from sockfleet.cli.collecting import collect
        from sockfleet.collector.engine import EngineSettings
        from sockfleet.collector.reading import HostReading
        from sockfleet.collector.transport import TransportSettings
        from sockfleet.inventory.models import Host, SshSettings

        ssh = SshSettings(user=USER, identity_files=(target.identity,))
        hosts = [Host(name=a, address=a, port=target.port, ssh=ssh) for a in addresses]
        settings = EngineSettings(
            concurrency=AT_ONCE,
            transport=transport,
            transport_settings=TransportSettings(
                known_hosts_files=(target.known_hosts,), concurrency=AT_ONCE
            ),
        )
        outcomes: list[object] = []
        collect(hosts, settings, outcomes.append)
        return sum(isinstance(outcome, HostReading) for outcome in outcomes)

    return ask


def with_asyncssh(target: Target, addresses: Sequence[str]) -> int:
    import asyncssh

    async def one(address: str, known: asyncssh.SSHKnownHosts, slots: asyncio.Semaphore) -> bool:
        mark = new_mark()
        async with (
            slots,
            asyncssh.connect(
                address,
                target.port,
                username=USER,
                client_keys=[target.identity],
                known_hosts=known,
            ) as connection,
        ):
            done = await connection.run(probe_command(mark), encoding=None)
        return parsed(done.stdout, mark)

    async def everyone() -> int:
        known = asyncssh.read_known_hosts(target.known_hosts)
        slots = asyncio.Semaphore(AT_ONCE)
        return sum(await asyncio.gather(*(one(address, known, slots) for address in addresses)))

    return asyncio.run(everyone())


def with_paramiko(target: Target, addresses: Sequence[str]) -> int:
    import paramiko

    def one(address: str) -> bool:
        mark = new_mark()
        with paramiko.SSHClient() as client:
            client.load_host_keys(target.known_host(address))
            client.connect(
                address,
                target.port,
                username=USER,
                key_filename=target.identity,
                allow_agent=False,
                look_for_keys=False,
            )
            _, stdout, _ = client.exec_command(probe_command(mark))
            return parsed(stdout.read(), mark)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return sum(threads.map(one, addresses))


def with_ssh(target: Target, addresses: Sequence[str]) -> int:
    def one(address: str) -> bool:
        mark = new_mark()
        options = ["BatchMode=yes", f"UserKnownHostsFile={target.known_hosts}"]
        command = ["ssh", "-F", "none", "-i", target.identity, "-p", str(target.port)]
        for option in options:
            command += ["-o", option]
        done = subprocess.run(
            [*command, f"{USER}@{address}", probe_command(mark)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
        )
        return done.returncode == 0 and parsed(done.stdout, mark)

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(one, addresses))


def the_floor(_target: Target, addresses: Sequence[str]) -> int:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    server, key = X25519PrivateKey.generate().public_key(), Ed25519PrivateKey.generate()
    public, text = key.public_key(), os.urandom(32)
    shown = key.sign(text)
    for _ in addresses:
        X25519PrivateKey.generate().exchange(server)
        public.verify(shown, text)
        key.sign(text)
    return len(addresses)


FLOOR, OURS = "crypto floor", "sockfleet"
CLIENTS: dict[str, Client] = {
    FLOOR: the_floor,
    OURS: with_sockfleet("asyncssh"),
    "sockfleet, paramiko": with_sockfleet("paramiko"),
    "asyncssh": with_asyncssh,
    "paramiko": with_paramiko,
    "ssh": with_ssh,
}


def parsed(stdout: object, mark: str) -> bool:
    return isinstance(stdout, bytes) and parse_probe(stdout, mark).sockstat is not None


def cpu_s() -> float:
    """CPU time of this process and of its children that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure_here(name: str, target: Target) -> None:
    """The measuring process: prints milliseconds a host as JSON, or fails."""
    ask, addresses = CLIENTS[name], target.addresses
    warm_up, measured = addresses[:WARM_UP], addresses[WARM_UP:]
    if name == "ssh":
        warm_up, measured = warm_up[:3], measured[: max(len(measured) // SLOW, 1)]
    ask(target, warm_up)
    cpu, wall = cpu_s(), time.perf_counter()
    ok = ask(target, measured)
    cpu, wall = cpu_s() - cpu, time.perf_counter() - wall
    result = {"cpu_ms": cpu * 1e3 / len(measured), "wall_ms": wall * 1e3 / len(measured)}
    print(json.dumps({**result, "failed": len(measured) - ok}))


def measure(name: str, target: Target) -> dict[str, float]:
    """Run `measure_here` in a process of its own, away from the user's settings."""
    arguments = json.dumps([target.port, str(target.folder), target.addresses])
    environment = {**os.environ, "HOME": str(target.folder)}
    environment.pop("SSH_AUTH_SOCK", None)
    done = subprocess.run(
        [sys.executable, __file__, "--client", name],
        input=arguments,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{name} did not come through")
    result: dict[str, float] = json.loads(done.stdout)
    if result["failed"]:
        sys.exit(f"{name}: {result['failed']:g} hosts failed: nothing can be said of the rest")
    return result


def compare(target: Target, rounds: int) -> dict[str, list[dict[str, float]]]:
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    names = list(CLIENTS)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken[name].append(measure(name, target))
    return taken


def show(taken: dict[str, list[dict[str, float]]]) -> None:
    cpu = {name: [one["cpu_ms"] for one in results] for name, results in taken.items()}
    print(
        f"{'client':20} {'CPU ms/host':>11} {'least':>7} {'most':>7} {'floors':>7} {'ours/it':>8}"
    )
    for name, values in cpu.items():
        floors = statistics.median(a / b for a, b in zip(values, cpu[FLOOR], strict=True))
        ours = statistics.median(a / b for a, b in zip(cpu[OURS], values, strict=True))
        print(
            f"{name:20} {statistics.median(values):11.3f} {min(values):7.3f} {max(values):7.3f}"
            f" {floors:7.1f} {ours:8.3f}"
        )


def prepared(fleet: FleetProcess, folder: Path) -> Target:
    known = folder / "known"
    known.mkdir()
    addresses = []
    for line in fleet.known_hosts.read_text().splitlines():
        address = line[1 : line.index("]")]
        addresses.append(address)
        (known / address).write_text(f"{line}\n")
    return Target(fleet.port, folder, tuple(addresses))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--hosts", type=int, default=300)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--kex", default=CURVE25519, help="all that the hosts offer, by commas")
    options.add_argument("--quick", action="store_true", help="one round of few hosts")
    options.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    wanted = options.parse_args()
    if wanted.client:
        port, folder, addresses = json.load(sys.stdin)
        measure_here(wanted.client, Target(port, Path(folder), tuple(addresses)))
        return
    hosts, rounds = (30, 1) if wanted.quick else (wanted.hosts, wanted.rounds)
    print(f"{hosts} hosts, {AT_ONCE} at once, {rounds} rounds, {wanted.kex}, ed25519 keys; medians")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = folder / "bench.yml"
        scenario.write_text(
            f"user: {USER}\nkey_exchange: [{wanted.kex}]\n"
            f"roles: {{web: {{count: {hosts + WARM_UP}, profile: web}}}}\n"
        )
        with FleetProcess(folder, scenario) as fleet:
            show(compare(prepared(fleet, folder), rounds))


if __name__ == "__main__":
    main()

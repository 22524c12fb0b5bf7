"""Scan a large fleet, a part of it faulty, several times in one process.

    python bench/soak.py [--hosts 10000] [--faulty 0.1] [--scans 3] [--timeout 30]
                         [--concurrency 200] [--transport asyncssh]

The fleet is simulated in another process; its faulty hosts have every fault of the simulator and
are mixed with the good ones. After each scan every host must have one outcome, each good host with
its own numbers and each faulty one as a failure; no descriptor, thread or task may leak, and memory
must not grow from scan to scan. Otherwise the exit code is 1.

"other" counts the faulty hosts that failed in another category than planned: on a busy machine a
stalled host may fail as client_overload.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import yaml
from memory_use import memory_bytes

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.outcome import HostFailure, HostOutcome
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, SshSettings
from sockfleet.scan.collect import collect
from sockfleet.simulator.fleet.process import FleetProcess
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.scenario import SimulatedHost

GROWTH_BYTES = 16 * 1024 * 1024
"""Allowed from the first scan's end to the last one's: memory that the allocator keeps."""
GROWTH_PER_HOST_BYTES = 8 * 1024
"""Allowed for each host of each scan after the first, where that is less: a leaked connection takes
20 KiB or more."""


@dataclass(frozen=True)
class Limits:
    """As the options of ``sockfleet scan``; the connect timeout is half of ``timeout_s``."""

    timeout_s: float
    concurrency: int
    transport: str


@dataclass(frozen=True)
class Fleet:
    """The hosts, their true numbers, and their keys."""

    hosts: list[Host]
    truth: dict[str, SimulatedHost]
    known_hosts: str


@contextmanager
def running_fleet(folder: Path, hosts: int, faulty: float) -> Iterator[Fleet]:
    """Run a fleet of which the share ``faulty`` has the faults in turn."""
    scenario = folder / "soak.yml"
    scenario.write_text(yaml.safe_dump({"host_keys": "shared", "roles": roles(hosts, faulty)}))
    with FleetProcess(folder, scenario) as process:
        variables = yaml.safe_load(process.inventory.read_text())["all"]["hosts"]
        ssh = SshSettings(user=process.scenario.user, identity_files=(str(process.identity),))
        fleet_hosts = [
            Host(name=name, address=one["ansible_host"], port=process.port, ssh=ssh)
            for name, one in variables.items()
        ]
        random.Random(1).shuffle(fleet_hosts)
        truth = {host.name: host for host in process.hosts}
        yield Fleet(fleet_hosts, truth, str(process.known_hosts))


def roles(hosts: int, faulty: float) -> dict[str, dict[str, object]]:
    """Return the roles of a scenario file for exactly ``hosts`` hosts."""
    bad = round(hosts * faulty)
    counts = {fault: bad // len(Fault) + (n < bad % len(Fault)) for n, fault in enumerate(Fault)}
    all_roles: dict[str, dict[str, object]] = {
        "good": {"count": hosts - bad, "profile": "container-host"}
    }
    for fault, count in counts.items():
        if count:
            all_roles[f"bad-{fault}"] = {"count": count, "fault": str(fault)}
    return all_roles


class Tally:
    """Counts of the outcomes of one scan; the outcomes themselves are not kept."""

    def __init__(self, fleet: Fleet) -> None:
        self._truth = fleet.truth
        self._seen: Counter[str] = Counter()
        self._wrong: list[str] = []
        self.read = 0
        self.other = 0

    def add(self, outcome: HostOutcome) -> None:
        truth = self._truth[outcome.host.name]
        self._seen[truth.name] += 1
        if isinstance(outcome, HostFailure):
            self.other += truth.fault is not None and truth.fault.planned is not outcome.category
            if truth.is_read:
                self._wrong.append(f"{truth.name}: {outcome.message}")
            return
        self.read += 1
        alloc = outcome.sockstat.get("TCP", "alloc")
        if not truth.is_read or alloc != truth.contents.alloc:
            planned = truth.contents.alloc if truth.is_read else truth.fault
            self._wrong.append(f"{truth.name}: read {alloc}, planned was {planned}")

    def problems(self, fleet: Fleet) -> list[str]:
        """Describe each host with a wrong, missing or repeated outcome."""
        names = [host.name for host in fleet.hosts]
        counts = [f"{name}: {self._seen[name]} outcomes" for name in names if self._seen[name] != 1]
        return counts + self._wrong


def scan(fleet: Fleet, limits: Limits) -> tuple[Tally, float]:
    settings = EngineSettings(
        concurrency=limits.concurrency,
        timeout_s=limits.timeout_s,
        retries=1,
        transport=limits.transport,
        transport_settings=TransportSettings(
            known_hosts_files=(fleet.known_hosts,),
            connect_timeout_s=limits.timeout_s / 2,
            concurrency=limits.concurrency,
        ),
    )
    tally = Tally(fleet)
    began = time.monotonic()
    collect(fleet.hosts, settings, tally.add, stoppable=nullcontext)
    return tally, time.monotonic() - began


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def join_threads() -> list[str]:
    """Wait for the threads of the scan to end; return the names of those that do not."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    for thread in others:
        thread.join(5)
    return [thread.name for thread in others if thread.is_alive()]


def soak(fleet: Fleet, scans: int, limits: Limits) -> list[str]:
    """Scan, print a line for each scan, and return the problems in words."""
    problems: list[str] = []
    resident: list[int] = []
    # A first scan, because the libraries open some descriptors once for the process.
    scan(Fleet(fleet.hosts[:10], fleet.truth, fleet.known_hosts), limits)
    join_threads()
    descriptors = open_descriptors()
    print(
        f"{memory_bytes('VmRSS') / 1e6:.1f} MB before, with the truth of all hosts to compare with"
    )
    print(f"{'scan':>4} {'s':>7} {'read':>6} {'failed':>6} {'other':>6} {'RSS MB':>7} {'peak':>7}")
    for number in range(1, scans + 1):
        tally, took_s = scan(fleet, limits)
        problems += tally.problems(fleet)
        left = join_threads()
        gc.collect()
        resident.append(memory_bytes("VmRSS"))
        peak = memory_bytes("VmHWM")
        failed = len(fleet.hosts) - tally.read
        print(
            f"{number:4} {took_s:7.1f} {tally.read:6} {failed:6} {tally.other:6} "
            f"{resident[-1] / 1e6:7.1f} {peak / 1e6:7.1f}",
            flush=True,
        )
        if open_descriptors() != descriptors:
            problems.append(f"scan {number}: {open_descriptors() - descriptors} descriptors left")
        problems += [f"scan {number}: {name} is left" for name in left]
    per_hosts = GROWTH_PER_HOST_BYTES * len(fleet.hosts) * (scans - 1)
    if resident[-1] - resident[0] > min(GROWTH_BYTES, per_hosts):
        problems.append(f"memory grew by {(resident[-1] - resident[0]) / 1e6:.1f} MB")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--faulty", type=float, default=0.1)
    parser.add_argument("--scans", type=int, default=3)
    parser.add_argument("--transport", choices=("asyncssh", "paramiko"), default="asyncssh")
    parser.add_argument("--timeout", type=float, default=30.0)
    parser.add_argument("--concurrency", type=int, default=200)
    given = parser.parse_args()
    limits = Limits(given.timeout, given.concurrency, given.transport)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_fleet(Path(folder), given.hosts, given.faulty) as fleet,
    ):
        problems = soak(fleet, given.scans, limits)
    for line in problems[:20]:
        print(line, file=sys.stderr)
    if len(problems) > 20:
        print(f"and {len(problems) - 20} more", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

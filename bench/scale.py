"""Estimate the needs of a fleet of any size from measurements on a small one.

    python bench/scale.py [--hosts 1000000] [--within S]

Prints the unit costs, compares the estimate with a real scan, and then prints the duration of a
scan and the needs of each machine for several splits of the fleet over machines. The time comes
from a simulation of one worker: its slots, its one processor, the round trips, and dead hosts,
which hold a slot until their timeout.
"""

from __future__ import annotations

import argparse
import heapq
import math
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from unit_costs import UnitCosts, measure_unit_costs
from workers import scan

from sockfleet.simulator.lean.process import LeanFleetProcess

CHECKED_HOSTS, CHECKED_RTT_MS = 4000, 50.0
RTT_MS, DEAD_PERCENT = 50.0, 1.0
DEAD_S = 20.5
"""--connect-timeout 10 twice (--retries 1), and the pause before the retry."""
CHANNELS = 900
"""Hosts through one connection to a bastion (`collector/ssh/routes/bastions.py`)."""
MIB = 1024.0


@dataclass(frozen=True, kw_only=True)
class Split:
    """A number of machines (``--shard I/N``), and the workers and concurrent hosts of each."""

    machines: int
    workers: int
    concurrency: int


SPLITS = (
    Split(machines=1, workers=1, concurrency=1000),
    Split(machines=1, workers=16, concurrency=16_000),
    Split(machines=4, workers=8, concurrency=8_000),
    Split(machines=10, workers=8, concurrency=8_000),
    Split(machines=40, workers=4, concurrency=4_000),
)


def worker_s(
    costs: UnitCosts, hosts: int, slots: int, *, rtt_ms: float, dead_percent: float
) -> float:
    """Return how long one worker takes for its hosts, of which every n-th is dead."""
    every = math.inf if not dead_percent else 100 / dead_percent
    travel_s = costs.round_trips * rtt_ms / 1e3
    cpu_s = costs.scan_ms / 1e3
    free = [0.0] * min(slots, hosts)
    processor = last = 0.0
    dead = 0
    for number in range(hosts):
        begins = heapq.heappop(free)
        if number >= (dead + 1) * every:
            dead += 1
            ends = begins + DEAD_S
        else:
            processor = max(processor, begins) + cpu_s
            ends = max(begins + travel_s, processor)
        last = max(last, ends)
        heapq.heappush(free, ends)
    return last


def plan(costs: UnitCosts, split: Split, hosts: int) -> dict[str, float]:
    """Return the figures of one machine for one split of the fleet."""
    own = math.ceil(hosts / split.machines)
    each = math.ceil(own / split.workers)
    slots = split.concurrency // split.workers
    collected_s = worker_s(costs, each, slots, rtt_ms=RTT_MS, dead_percent=DEAD_PERCENT)
    # The collecting process runs in parallel with the workers, and may finish after them.
    scan_s = costs.start_s + max(collected_s, own * costs.parent_ms / 1e3)
    return {
        "scan_s": scan_s,
        "merge_s": hosts * costs.merge_us / 1e6 if split.machines > 1 else 0.0,
        "gib": (own * costs.kept_kib + split.concurrency * costs.connection_kib) / MIB / MIB,
        "mbit": own * costs.wire_bytes * 8 / 1e6 / scan_s,
    }


def check_estimate(folder: Path, costs: UnitCosts) -> Iterator[str]:
    """Compare the estimate with a real scan."""
    folder.mkdir()
    with LeanFleetProcess(folder, hosts=CHECKED_HOSTS, rtt_ms=CHECKED_RTT_MS) as fleet:
        runs = [scan(fleet, 1, 1000) for _ in range(3)]
    estimated_s = costs.start_s + worker_s(
        costs, CHECKED_HOSTS, 1000, rtt_ms=CHECKED_RTT_MS, dead_percent=0.0
    )
    measured_s = median(run.wall_s for run in runs)
    yield (
        f"compared with a scan: {CHECKED_HOSTS} hosts at {CHECKED_RTT_MS:g} ms, one process: "
        f"estimated {estimated_s:.1f} s, measured {measured_s:.1f} s next to the simulated hosts"
    )


def unit_lines(costs: UnitCosts) -> Iterator[str]:
    rows = (
        ("scan by one process, CPU", costs.scan_ms, "ms"),
        ("process that collects from workers, CPU", costs.parent_ms, "ms"),
        ("from a worker to it, CPU of both", costs.codec_us / 1e3, "ms"),
        ("from a worker to it", costs.codec_bytes, "bytes"),
        ("round trips, TCP's own included", costs.round_trips, ""),
        ("on the wire, both directions", costs.wire_bytes, "bytes"),
        ("memory while it is asked", costs.connection_kib, "KiB"),
        ("memory once it is read", costs.kept_kib, "KiB"),
        ("JSON", costs.json_bytes, "bytes"),
        ("JSON, compressed (zlib)", costs.compressed_bytes, "bytes"),
        ("merge, CPU", costs.merge_us / 1e3, "ms"),
        ("behind a bastion: CPU of the scan", costs.behind_ms, "ms"),
        ("behind a bastion: CPU of its sshd", costs.bastion_ms, "ms"),
    )
    yield f"each host costs (the command itself: {costs.start_s:.1f} s of CPU)"
    for name, figure, unit in rows:
        yield f"  {name:<41}{figure:>9.3f} {unit}".rstrip()


def plan_lines(costs: UnitCosts, hosts: int, within_s: float) -> Iterator[str]:
    yield (
        f"{hosts} hosts at {RTT_MS:g} ms, {DEAD_PERCENT:g} % of them dead (each holds a slot for "
        f"{DEAD_S:g} s)"
    )
    yield (
        f"{'machines':>9}{'workers':>9}{'at once':>9}{'scan s':>9}{'merge s':>9}{'GiB each':>10}"
        f"{'Mbit/s each':>13}"
    )
    for split in SPLITS:
        found = plan(costs, split, hosts)
        yield (
            f"{split.machines:>9}{split.workers:>9}{split.concurrency:>9}{found['scan_s']:>9.0f}"
            f"{found['merge_s']:>9.0f}{found['gib']:>10.2f}{found['mbit']:>13.0f}"
        )
    processors = hosts * costs.scan_ms / 1e3 / within_s
    yield f"within {within_s:g} s: {processors:.1f} processors busy with nothing else"
    bastions = hosts * costs.bastion_ms / 1e3 / within_s
    travel_s = costs.round_trips * RTT_MS / 1e3
    yield (
        f"all behind bastions within {within_s:g} s: {bastions:.0f} processors of bastions; one "
        f"connection's {CHANNELS} channels read {CHANNELS / travel_s:.0f} hosts a second at most, "
        f"its sshd's one processor {1e3 / costs.bastion_ms:.0f}"
    )
    compressed_gb = hosts * costs.compressed_bytes / 1e9
    yield (
        f"each scan kept: {hosts * costs.json_bytes / 1e9:.2f} GB of JSON, {compressed_gb:.2f} GB "
        f"compressed; one every {within_s:g} s for a day: "
        f"{compressed_gb * 86_400 / within_s:.0f} GB compressed"
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=1_000_000)
    parser.add_argument("--within", type=float, default=300.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = measure_unit_costs(Path(folder))
        lines = [*unit_lines(costs), "", *check_estimate(Path(folder, "checked"), costs), ""]
    for line in (*lines, *plan_lines(costs, given.hosts, given.within)):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

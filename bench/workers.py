"""A scan by several processes: wall time, CPU time and memory of the whole command.

    python bench/workers.py [--hosts N] [--rtt MS] [--concurrency N] [--rounds N] [WORKERS ...]

The same lean fleet is scanned by the command with each number of workers in turn, round after
round. Memory is the peak of the sum over all its processes, in which a shared page counts in
proportion (Pss of proc_pid_smaps_rollup(5)), read ten times a second. The simulated hosts run on
the same machine: with two processors the second worker shares one with them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sockfleet.simulator.lean.process import LeanFleetProcess

INTERVAL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Run:
    """One scan."""

    wall_s: float
    cpu_s: float
    """Of all its processes."""
    peak_mib: float
    simulator_s: float
    """CPU time of the simulated hosts during the scan."""
    document: bytes
    """Its JSON."""


def pss_mib(pid: int) -> float:
    """Return the Pss of a process and its children; those that end meanwhile count 0."""
    kib = 0
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (str(pid), *children):
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                rows = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
                kib += next(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return kib / 1024


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process; a tick is 1/100 s on all current machines (time(7))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def scan(fleet: LeanFleetProcess, workers: int, concurrency: int) -> Run:
    """Run the command once. Raises SystemExit if a host was not read."""
    command = [sys.executable, "-m", "sockfleet.cli", "scan", str(fleet.inventory), "-q"]
    command += ["--known-hosts", str(fleet.known_hosts), "-c", str(concurrency)]
    command += ["--workers", str(workers)]
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "scan.json")
        simulator_s = cpu_of(fleet.pid)
        began = time.perf_counter()
        timer = Path(__file__).with_name("whole_run.py")
        process = subprocess.Popen(
            [sys.executable, str(timer), *command, "-o", str(result)],
            stderr=subprocess.PIPE,
            text=True,
        )
        peaks = [0.0]
        done = threading.Event()

        def watch_memory() -> None:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while not done.wait(INTERVAL_S):
                with suppress(OSError):
                    peaks.extend(pss_mib(int(pid)) for pid in children.read_text().split())

        watcher = threading.Thread(target=watch_memory)
        watcher.start()
        _, stderr = process.communicate()
        done.set()
        watcher.join()
        used = json.loads(stderr.splitlines()[-1])
        document = result.read_bytes()
        counts = json.loads(document)["fleet"]["hosts"]
        if used["exit_code"] or counts["failed"]:
            sys.exit(f"{workers} workers: exit code {used['exit_code']}, {counts}: {stderr}")
        assert used["wall_s"] <= time.perf_counter() - began
        return Run(
            wall_s=used["wall_s"],
            cpu_s=used["cpu_s"],
            peak_mib=max(peaks),
            simulator_s=cpu_of(fleet.pid) - simulator_s,
            document=document,
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("workers", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--rtt", type=float, default=50.0)
    parser.add_argument("--concurrency", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    runs: dict[int, list[Run]] = {count: [] for count in given.workers}
    with (
        tempfile.TemporaryDirectory() as folder,
        LeanFleetProcess(Path(folder), hosts=given.hosts, rtt_ms=given.rtt) as fleet,
    ):
        for _ in range(given.rounds):
            for count, done in runs.items():
                done.append(scan(fleet, count, given.concurrency))
    print(
        f"{given.hosts} hosts at {given.rtt:g} ms, {given.concurrency} at once, "
        f"{given.rounds} rounds, medians; every host read"
    )
    print(
        f"{'workers':>8}{'wall s':>8}{'least':>8}{'most':>8}{'CPU s':>8}{'ms/host':>9}"
        f"{'peak MiB':>10}{'simulator s':>13}"
    )
    for count, done in runs.items():
        walls = [run.wall_s for run in done]
        cpu_s = median(run.cpu_s for run in done)
        print(
            f"{count:>8}{median(walls):>8.2f}{min(walls):>8.2f}{max(walls):>8.2f}{cpu_s:>8.2f}"
            f"{cpu_s * 1e3 / given.hosts:>9.3f}{max(run.peak_mib for run in done):>10.0f}"
            f"{median(run.simulator_s for run in done):>13.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

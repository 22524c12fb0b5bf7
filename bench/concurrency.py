"""Whether the default of --concurrency needs tuning: its wall time and that of fixed numbers.

    python bench/concurrency.py [--hosts N] [--rounds N] [--quick]

Lean fleets at round-trip times of 1, 50 and 300 ms, and at 50 ms with 5 % dead hosts, are scanned
by the command with its default and with each fixed number, in turn, round after round. The times
come from the scans' documents, so that the start of the program does not count. Medians are
printed; the exit code is 1 if the default takes more than 1.2 times as long as the best fixed
number. Dead hosts have a timeout of 2 s and no second attempt, and their fleet is three times as
large, so that the wait for the last of them does not dominate.

The simulated hosts run on the same machine and share its processors with the scan.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sockfleet.simulator.lean.process import LeanFleetProcess

LIMIT = 1.2
DEFAULT = 0
"""Means a scan without the option."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A fleet, and the fixed numbers to compare with the default."""

    rtt_ms: float
    fixed: tuple[int, ...]
    dead_percent: float = 0.0
    times_hosts: int = 1
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in the output."""
        dead = f", {self.dead_percent:g} % dead" if self.dead_percent else ""
        return f"{self.rtt_ms:g} ms{dead}"


SCENARIOS = (
    Scenario(rtt_ms=1, fixed=(30, 100, 300, 1000)),
    Scenario(rtt_ms=50, fixed=(200, 500, 1000)),
    Scenario(
        rtt_ms=50,
        fixed=(200, 500, 1000),
        dead_percent=5,
        times_hosts=3,
        options=("--connect-timeout", "2", "--retries", "0"),
    ),
    Scenario(rtt_ms=300, fixed=(500, 1000, 3000)),
)


def scan_s(
    fleet: LeanFleetProcess, concurrency: int, options: Sequence[str], *, dead: int
) -> float:
    """Run one scan; return its duration. Raises SystemExit if a host that is not dead fails."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "scan.json")
        command = [sys.executable, "-m", "sockfleet.cli", "scan", str(fleet.inventory), "-q"]
        command += ["--known-hosts", str(fleet.known_hosts), "-o", str(result), "--workers", "1"]
        command += options
        if concurrency != DEFAULT:
            command += ["-c", str(concurrency)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if not result.exists():
            sys.exit(f"{concurrency} at once: exit code {done.returncode}: {done.stderr}")
        document = json.loads(result.read_bytes())
    failures = document["fleet"]["failures"]
    # A busy machine reports client_overload for a dead host.
    if set(failures) - {"tcp_timeout", "client_overload"} or sum(failures.values()) != dead:
        sys.exit(f"{concurrency} at once, {dead} dead hosts: {failures}")
    duration_s: float = document["scan"]["duration_s"]
    return duration_s


def measure(scenario: Scenario, hosts: int, rounds: int) -> dict[int, list[float]]:
    """Return the seconds of each round for each number, including `DEFAULT`."""
    times_s: dict[int, list[float]] = {number: [] for number in (DEFAULT, *scenario.fixed)}
    with (
        tempfile.TemporaryDirectory() as folder,
        LeanFleetProcess(
            Path(folder),
            hosts=hosts * scenario.times_hosts,
            rtt_ms=scenario.rtt_ms,
            dead_percent=scenario.dead_percent,
        ) as fleet,
    ):
        dead = sum(not host.is_read for host in fleet.hosts)
        numbers = list(times_s)
        for turn in range(rounds):
            first = turn % len(numbers)
            for number in (*numbers[first:], *numbers[:first]):
                times_s[number].append(scan_s(fleet, number, scenario.options, dead=dead))
    return times_s


def ratio_to_best(times_s: dict[int, list[float]]) -> tuple[float, int]:
    """Return the default's median time over the best fixed number's, and that number."""
    medians = {number: median(seconds) for number, seconds in times_s.items()}
    default = medians.pop(DEFAULT)
    best = min(medians, key=medians.__getitem__)
    return default / medians[best], best


def show(scenario: Scenario, times_s: dict[int, list[float]]) -> float:
    """Print one scenario; return the ratio."""
    ratio, best = ratio_to_best(times_s)
    figures = "  ".join(
        f"{number or 'default'}: {median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})"
        for number, seconds in times_s.items()
    )
    verdict = "held" if ratio <= LIMIT else "MISSED"
    print(f"{scenario.name:16} {figures}", flush=True)
    print(f"{'':16} default over best fixed ({best}): {ratio:.2f}, limit {LIMIT:g}: {verdict}")
    return ratio


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of few hosts")
    given = parser.parse_args(arguments)
    hosts, rounds = (600, 1) if given.quick else (given.hosts, given.rounds)
    print(f"{hosts} hosts, {rounds} rounds, one worker; seconds: median (least-most)")
    ratios = [show(each, measure(each, hosts, rounds)) for each in SCENARIOS]
    return int(max(ratios) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

"""A warm sample beside a scrape by Prometheus: the CPU time of each process, in the same windows.

    python bench/scrape.py [--hosts N] [--large N] [--windows N] [--quick]

Three processes read the same simulated hosts at the same interval and at the same time: Prometheus
scrapes exporters that show nothing but sockstat (`exporters`), and two of ours (`sampler`) sample
over open SSH connections, one with namespaces, one only both files. Of Prometheus the user and
system time in /proc/PID/stat counts, once it has scraped every target three times; of ours the same
time by the process's own clock, without the comparison with the truth. Prometheus stores what it
reads, and ours returns it. Between the windows ours also sample round after round without a pause,
as `warm` does; no budget rests on that.

Then one process samples a large fleet by itself, for its share of one core. The product keeps
as many connections open as fit in 300 MiB, and logs in to the hosts beyond in each round.

The exit code is 1 if a sample takes more than a quarter of a scrape.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from budget import Budget, exit_code
from exporters import Exporters, render_answers
from fleet_target import Target
from fleets import simulated
from warm import show
from workers import cpu_of

from sockfleet.collector.runtime.descriptor_limit import raise_descriptor_limit
from tests.support.monitoring.prometheus import query, run_configuration

LIMIT = 0.25
WARM_UP_SCRAPES, WARM_UP_S = 3, 60.0
UNPACED = 4
"""Rounds without a pause for each paced one: a window of them is short."""
LONGEST_S = 600
"""The run ends after this time, whatever hangs."""

SCRAPE = "scrape by Prometheus"
METHODS = {"sample with namespaces": "namespaces", "sample of both files": "files"}
"""The methods of `sampler` by their names in the output."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Rounds at an interval, and windows of several rounds."""

    interval_s: float
    rounds: int
    windows: int


PACE = Pace(interval_s=2, rounds=5, windows=5)
LARGE_PACE = Pace(interval_s=10, rounds=1, windows=3)


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A measuring process that has connected to its hosts."""

    process: subprocess.Popen[str]
    connected: int
    """Connections that stay open."""

    def start_window(self) -> None:
        """Begin the next window."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait_for_window(self) -> float:
        """Return the ms of a sample in the window, once it ends."""
        return float(_read_line(self.process))


@contextmanager
def sampler(target: Target, method: str, pace: Pace) -> Iterator[Sampler]:
    """Run a measuring process during the block."""
    command = [sys.executable, str(Path(__file__).with_name("sampler.py")), str(target.write())]
    command += [str(len(target.addresses)), method]
    command += [str(each) for each in (pace.interval_s, pace.rounds, pace.windows)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Sampler(process=process, connected=int(_read_line(process)))
        finally:
            process.kill()


def _read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a measuring process ended early; see its error above")
    return line


def configuration(targets: Sequence[str], interval_s: float) -> dict[str, object]:
    """Return Prometheus' configuration for these targets."""
    interval = f"{interval_s:g}s"
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [{"job_name": "sockstat", "static_configs": [{"targets": targets}]}],
    }


def wait_for_scrapes(exporters: Exporters, due: int) -> None:
    """Wait for so many scrapes. Raises SystemExit after `WARM_UP_S`."""
    end = time.monotonic() + WARM_UP_S
    while exporters.scrapes < due:
        if time.monotonic() > end:
            raise SystemExit(f"{exporters.scrapes} of {due} scrapes within {WARM_UP_S:g} s")
        time.sleep(0.1)


def check_numbers(port: int, truth: Mapping[str, str]) -> None:
    """Raise SystemExit unless Prometheus stored each target's own number of TCP sockets."""
    stored = {
        one["metric"]["instance"]: one["value"][1] for one in query(port, "node_sockstat_TCP_alloc")
    }
    for instance, line in truth.items():
        words = line.split()
        due = words[words.index("alloc") + 1]
        if stored.get(instance) != due:
            raise SystemExit(f"{instance}: {stored.get(instance)} where {due} was due")


def measure(folder: Path, hosts: int, pace: Pace) -> dict[str, list[float]]:
    """Return the ms of a scrape and of a sample by each method, one figure for each window."""
    times_ms: dict[str, list[float]] = {
        name: [] for name in (SCRAPE, *METHODS, *map(unpaced_name, METHODS))
    }
    without_pause = replace(pace, interval_s=0, rounds=UNPACED * pace.rounds)
    with ExitStack() as stack:
        target, fleet = stack.enter_context(simulated(folder / "fleet", hosts))
        answers = render_answers(folder / "procfs", fleet.hosts)
        exporters = stack.enter_context(Exporters(answers))
        wanted = configuration(exporters.targets, pace.interval_s)
        pid, port = stack.enter_context(run_configuration(folder, wanted))
        paced, unpaced = (
            {
                name: stack.enter_context(sampler(target, method, each))
                for name, method in METHODS.items()
            }
            for each in (pace, without_pause)
        )
        wait_for_scrapes(exporters, WARM_UP_SCRAPES * hosts)
        for _ in range(pace.windows):
            cpu_s, scrapes = cpu_of(pid), exporters.scrapes
            for each in paced.values():
                each.start_window()
            for name, each in paced.items():
                times_ms[name].append(each.wait_for_window())
            cpu_s, scrapes = cpu_of(pid) - cpu_s, exporters.scrapes - scrapes
            times_ms[SCRAPE].append(cpu_s * 1e3 / scrapes)
            for name, each in unpaced.items():
                each.start_window()
                times_ms[unpaced_name(name)].append(each.wait_for_window())
        assert target.truth is not None
        check_numbers(port, dict(zip(exporters.targets, target.truth.values(), strict=True)))
    return times_ms


def unpaced_name(name: str) -> str:
    """Return the name of a method whose rounds follow each other without a pause."""
    return f"{name.removeprefix('sample ')}, unpaced"


def budgets(times_ms: Mapping[str, list[float]]) -> list[Budget]:
    """Print the ratios with their spread over the windows; return the budgets of their medians."""
    held = []
    for name in (*METHODS, *map(unpaced_name, METHODS)):
        ratios = [a / b for a, b in zip(times_ms[name], times_ms[SCRAPE], strict=True)]
        middle = statistics.median(ratios)
        print(f"{name} / scrape: {middle:.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
        if name in METHODS:
            held.append(Budget(name=f"{name}, of a scrape", figure=middle, limit=LIMIT))
    return held


def show_large(folder: Path, hosts: int, pace: Pace) -> None:
    """Measure and print the share of one core that a large fleet takes."""
    with (
        simulated(folder, hosts) as (target, _),
        sampler(target, "namespaces", pace) as ours,
    ):
        times_ms = []
        for _ in range(pace.windows):
            ours.start_window()
            times_ms.append(ours.wait_for_window())
    shares = [each * hosts / pace.interval_s / 10 for each in times_ms]  # ms/s to percent
    print(
        f"{hosts:,} hosts every {pace.interval_s:g} s with namespaces: "
        f"{statistics.median(shares):.1f} % of one core ({min(shares):.1f} to {max(shares):.1f}); "
        f"{ours.connected:,} connections stay open"
    )


def end_the_run(*_: object) -> None:
    raise SystemExit(f"not done within {LONGEST_S} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--large", type=int, default=10_000, help="hosts of the large fleet")
    parser.add_argument("--windows", type=int, default=PACE.windows)
    parser.add_argument("--quick", action="store_true", help="two short windows of few hosts")
    given = parser.parse_args()
    hosts, large, large_pace = given.hosts, given.large, LARGE_PACE
    pace = replace(PACE, windows=given.windows)
    if given.quick:
        hosts = large = 100
        # /proc/PID/stat counts in steps of 10 ms: 100 scrapes take some 40.
        pace = large_pace = Pace(interval_s=2, rounds=1, windows=2)
    signal.signal(signal.SIGALRM, end_the_run)
    signal.alarm(LONGEST_S)
    raise_descriptor_limit()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times_ms = measure(folder, hosts, pace)
        print(
            f"{hosts} hosts every {pace.interval_s:g} s, {pace.windows} windows of {pace.rounds} "
            "round(s), CPU of each process, median (least to most)"
        )
        show(times_ms)
        held = budgets(times_ms)
        print("\n".join(map(str, held)), flush=True)
        show_large(folder / "large", large, large_pace)
    return exit_code(held)


if __name__ == "__main__":
    sys.exit(main())

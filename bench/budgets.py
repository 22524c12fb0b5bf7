"""Every performance budget in one short run: its figure, the limit, held or MISSED.

    python bench/budgets.py [--only WORD,…] [--json FILE]

The run takes less than 90 seconds, with few hosts and rounds: `compare`, `warm`, `workers`,
`concurrency`, `aggregate` and `known_hosts` measure the same at length. --only runs the sections
whose names contain a WORD, --json appends the run as one line to FILE, for `spread`. The exit code
is 1 if a budget is missed or could not be measured.

Times are ratios to something that the same run measures: a crypto floor (`crypto_floor`), a peer, a
plain loop over the same bytes. Seconds would hold on one machine and be missed on another.

The simulated hosts run on the same processors as the scan, and wall times include that.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aggregate
import known_hosts
import warm
from budget import Budget, exit_code, to_row
from compare import OURS, Measurements, WrongAnswerError, compare, ours_to
from crypto_floor import floor_wall_ms
from fleet_target import CAT, Target
from fleets import real_sshd, simulated
from peers import PEERS
from peers_commands import ssh_options
from peers_sockfleet import scan_command
from results import versions

COLD_HOSTS = 600
BESIDE = (
    ({"asyncssh": 0.7, "paramiko": 0.45}, 5),
    ({"ssh": 0.16, "pdsh": 0.125, "clush": 0.125, "ansible raw": 0.03}, 3),
)
"""Limits of our CPU time for one cold host over each peer's, and the number of rounds."""
LARGE_HOSTS, RTT_MS = 10_000, 50.0
WORKERS = {1: 9.5, 2: 13.0}
"""Limits by the number of workers: wall time of a host in crypto floors of as many processes."""
ONE_HOST_ROUNDS = 7
WARM_SAMPLES, WARM_ROUNDS = 20, 3
WHOLE_RUN = Path(__file__).with_name("whole_run.py")


def cold(folder: Path) -> Iterator[Budget]:
    """Measure one cold host for sockfleet, the libraries and the command-line tools."""
    with simulated(folder, COLD_HOSTS) as (target, fleet):
        beside = [(limits, _compare_peers(limits, target, rounds)) for limits, rounds in BESIDE]
        # The median of all rounds, which spread over half a minute: a shared machine is a tenth
        # faster or slower for some ten seconds at a time.
        ours = [measurements[OURS] for _, measurements in beside]
        floors = [each for one in ours for each in one.floors]
        yield Budget(
            name="cold: client CPU, in crypto floors",
            figure=statistics.median(floors) if floors else None,
            limit=6.5,
            why_not=ours[0].why_not,
        )
        for limits, measurements in beside:
            yield from _ratios(measurements, limits)
        before = fleet.counts()
        scan(target, target.addresses)
        after = fleet.counts()
        differences = {name: after[name] - before[name] for name in after}
        yield Budget(
            name="cold: round trips, TCP's own included",
            figure=(differences["connections"] + differences["flights"]) / len(target.addresses),
            limit=9,
        )


def _compare_peers(
    names: Mapping[str, float], target: Target, rounds: int
) -> Mapping[str, Measurements]:
    peers = [PEERS[name] for name in (OURS, *names)]
    return compare(peers, lambda _: target, hosts=COLD_HOSTS, rounds=rounds)


def _ratios(
    measurements: Mapping[str, Measurements], limits: Mapping[str, float]
) -> Iterator[Budget]:
    ours = measurements[OURS]
    for name, limit in limits.items():
        theirs = measurements[name]
        why_not = theirs.why_not or ours.why_not
        yield Budget(
            name=f"cold: client CPU, of {name}'s",
            figure=None if why_not else ours_to(ours, theirs),
            limit=limit,
            why_not=why_not,
        )


@dataclass(frozen=True)
class ScanUsage:
    """Time and memory of a whole `sockfleet scan`."""

    wall_s: float
    peak_mib: float
    """Of the largest of its processes."""


def scan(target: Target, addresses: Sequence[str], *more: str) -> ScanUsage:
    """Run the command; raise RuntimeError unless it reads every host."""
    command = scan_command(target, addresses, *more)
    done = subprocess.run(
        [sys.executable, str(WHOLE_RUN), *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    *messages, last = done.stderr.decode().splitlines()
    usage = json.loads(last)
    words = " ".join(["sockfleet scan", *more])
    if not done.stdout:
        raise RuntimeError(f"{words}: {usage['exit_code']}: {messages[-1:]}")
    fleet = json.loads(done.stdout)["fleet"]
    if fleet["hosts"]["ok"] != len(addresses):
        raise RuntimeError(f"{words}: {fleet['hosts']} {fleet['failures']}")
    return ScanUsage(usage["wall_s"], usage["peak_mib"])


def large(folder: Path) -> Iterator[Budget]:
    """Measure the whole command on ten thousand hosts at fifty milliseconds."""
    with simulated(folder, LARGE_HOSTS, rtt_ms=RTT_MS) as (target, _):
        for workers, limit in WORKERS.items():
            before = floor_wall_ms(workers)
            scan_usage = scan(target, target.addresses, "--workers", str(workers))
            each_ms = (before + floor_wall_ms(workers)) / 2
            yield Budget(
                name=f"10,000 hosts at 50 ms, workers: {workers}, in floors",
                figure=scan_usage.wall_s * 1e3 / LARGE_HOSTS / each_ms,
                limit=limit,
            )
        scan_usage = scan(target, target.addresses, "--workers", "1", "--concurrency", "1000")
        yield Budget(
            name="10,000 hosts, 1,000 at once: peak memory",
            figure=scan_usage.peak_mib,
            limit=120,
            unit="MiB",
        )


def warm_samples(folder: Path) -> Iterator[Budget]:
    """Measure samples over open connections, without the output of `warm`."""
    folder.mkdir(0o711)
    with redirect_stdout(io.StringIO()):
        held = list(warm.budget_figures(folder, samples=WARM_SAMPLES, rounds=WARM_ROUNDS))
    yield from held


def host_keys(folder: Path) -> Iterator[Budget]:
    """Measure known_hosts with 100,000 hashed lines."""
    folder.mkdir()
    yield from known_hosts.budget_figures(folder)


def one_host(folder: Path) -> Iterator[Budget]:
    """Measure the whole command and ssh, in turn, on a real sshd."""
    with real_sshd(folder, 1) as target:
        address = target.addresses[0]
        commands = {
            "ssh": ["ssh", *ssh_options(target), f"{target.user}@{address}", CAT],
            "ours": scan_command(target, [address]),
        }
        took: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ONE_HOST_ROUNDS):
            for name, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
                took[name].append(time.perf_counter() - began)
    ratios = [ours / ssh for ours, ssh in zip(took["ours"], took["ssh"], strict=True)]
    yield Budget(
        name="one host: whole command, wall, of ssh's",
        figure=statistics.median(ratios),
        limit=2,
    )


def summing_up(_folder: Path) -> Iterator[Budget]:
    """Measure aggregation in a new process, because its peak memory counts."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        yield from process.submit(aggregate.budget_figures).result()


SECTIONS: dict[str, Callable[[Path], Iterator[Budget]]] = {
    "cold": cold,
    "large": large,
    "warm samples": warm_samples,
    "host keys": host_keys,
    "one host": one_host,
    "summing up": summing_up,
}


def measure_sections(folder: Path, names: Sequence[str]) -> Iterator[Budget]:
    """Yield the budgets of the sections; a failing section is one missed budget with the reason."""
    for name in names:
        try:
            yield from SECTIONS[name](folder / name.replace(" ", "-"))
        except (OSError, RuntimeError, subprocess.CalledProcessError, WrongAnswerError) as error:
            yield Budget(name=name, figure=None, limit=0, why_not=str(error))


def append_run(path: Path, budgets: Sequence[Budget]) -> None:
    """Add one run to the file, as a line of JSON."""
    run = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": versions(),
        "budgets": [to_row(budget) for budget in budgets],
    }
    with path.open("a") as file:
        file.write(f"{json.dumps(run)}\n")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", type=lambda text: text.split(","), default=[""])
    options.add_argument("--json", type=Path, metavar="FILE")
    given = options.parse_args()
    words = given.only
    began = time.monotonic()
    found = []
    with tempfile.TemporaryDirectory(prefix="sockfleet-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)  # the user who logs in reads authorized_keys below it
        chosen = [name for name in SECTIONS if any(word in name for word in words)]
        for budget in measure_sections(folder, chosen):
            print(budget, flush=True)
            found.append(budget)
    if given.json is not None:
        append_run(given.json, found)
    missed = sum(not budget.held for budget in found)
    print(f"{len(found) - missed} held, {missed} missed; {time.monotonic() - began:.0f} s")
    return exit_code(found)


if __name__ == "__main__":
    sys.exit(main())

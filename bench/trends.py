"""Trends on made fleets: leaks found, false alarms, begins, rates; and what 10,000 hosts cost.

    python bench/trends.py [--fleets 20] [--hosts 1000] [--cost-hosts 10000]

So many fleets of each of two programs (`made_fleets`, `other_fleets`), interval and window, with
seeds that no test has; one host in a hundred leaks. The cost is the CPU time and the peak memory
of the trends of 10,000 hosts over fourteen days, the block's own arrays included. The exit code is
1 if an aim is missed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass, field, replace

import numpy as np
from budget import Budget, exit_code
from made_fleets import MadeFleet, Truth, make_fleet
from other_fleets import make_other_fleet

from sockfleet.history.trends.classify import Kind
from sockfleet.history.trends.findings import Finding, find_trends

FIRST_SEED = 1000
FLEETS = {"sockets born and dying": make_fleet, "curves with noise": make_other_fleet}
INTERVALS_AND_WINDOWS = ((300, 14.0), (3600, 14.0), (300, 7.0), (3600, 7.0))
"""Seconds between scans, days of the window."""
COUNTS = ("found", "false", "begins", "rates", "ranges")
CPU_S, PEAK_MIB = 15.0, 500.0
MISSED, FALSE_OF = 0.01, 5000
"""The aims: so many leaks missed, begins or rates wrong; one false alarm in so many quiet hosts."""
MIB = 1024 * 1024


@dataclass
class Score:
    """Counts over fleets; each pair is (right, of how many)."""

    found: list[bool] = field(default_factory=list)
    false: list[bool] = field(default_factory=list)
    begins: list[bool] = field(default_factory=list)
    rates: list[bool] = field(default_factory=list)
    ranges: list[bool] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def extend(self, other: Score) -> None:
        """Add the counts of other fleets."""
        for name in (*COUNTS, "wrong"):
            getattr(self, name).extend(getattr(other, name))

    def add(self, fleet: MadeFleet, findings: tuple[Finding, ...]) -> None:
        """Compare the findings of one fleet with the truth about it."""
        interval_s = float(np.median(np.diff(fleet.block.times)))
        for finding, truth in zip(findings, fleet.truths, strict=True):
            if truth.rate is None:
                self._note(self.false, finding, truth, "false", finding.kind is Kind.LEAK)
            elif truth.is_clear:
                self._add_leak(finding, truth, interval_s)

    def _add_leak(self, finding: Finding, truth: Truth, interval_s: float) -> None:
        is_found = finding.kind is Kind.LEAK or (
            # A leak beneath a saw-tooth may be named for the teeth.
            finding.kind is Kind.SAWTOOTH and truth.carrier == "sawtooth"
        )
        self._note(self.found, finding, truth, "missed", is_found, wrong=False)
        if finding.kind is not Kind.LEAK or finding.rate is None or truth.rate is None:
            return
        self.ranges.append(finding.rate.low <= truth.rate <= finding.rate.high)
        if truth.rate_is_clear:
            is_close = abs(finding.rate.per_hour / truth.rate - 1) <= 0.1
            self._note(self.rates, finding, truth, "rate", is_close, wrong=False)
        if truth.begin_is_clear and truth.begin is not None:
            is_dated = finding.begin is not None and (
                abs(finding.begin - truth.begin) <= 2 * interval_s
            )
            self._note(self.begins, finding, truth, "begin", is_dated, wrong=False)

    def _note(
        self,
        counts: list[bool],
        finding: Finding,
        truth: Truth,
        word: str,
        is_so: bool,
        *,
        wrong: bool = True,
    ) -> None:
        counts.append(is_so)
        if is_so is wrong:
            rate = finding.rate.per_hour if finding.rate else None
            self.wrong.append(f"{word}: {finding.kind} {finding.begin} {rate} of {truth}")


def measure(fleets: int, hosts: int) -> list[Budget]:
    """Judge ``fleets`` of each program, interval and window; print what is right, and wrong."""
    print(f"{'fleets of':24}{'scans':>7}{'days':>5}" + "".join(f"{name:>15}" for name in COUNTS))
    held, wrong = [], []
    for made_of, make in FLEETS.items():
        total = Score()
        for interval_s, days in INTERVALS_AND_WINDOWS:
            score = Score()
            for number in range(fleets):
                fleet = make(
                    FIRST_SEED + number,
                    hosts=hosts,
                    leaks=max(1, hosts // 100),
                    days=days,
                    interval_s=interval_s,
                )
                score.add(fleet, find_trends(fleet.block))
            counts = [getattr(score, name) for name in COUNTS]
            cells = "".join(f"{f'{sum(each)} of {len(each)}':>15}" for each in counts)
            print(f"{made_of:24}{interval_s // 60:>3} min{days:5.0f}{cells}", flush=True)
            total.extend(score)
        held += budgets(made_of, total)
        wrong += total.wrong
    print(*wrong, sep="\n")
    return held


def measure_cost(hosts: int) -> tuple[float, float]:
    """Return the CPU seconds and the peak MiB of the trends of ``hosts`` over fourteen days."""
    made = make_fleet(FIRST_SEED, hosts=min(hosts, 1000)).block
    copies = -(-hosts // len(made.hosts))
    block = replace(
        made,
        hosts=tuple(f"host{number:05}" for number in range(hosts)),
        values=np.tile(made.values, (copies, 1))[:hosts],
        boots=np.tile(made.boots, (copies, 1))[:hosts],
    )
    begin = time.process_time()
    find_trends(block)
    cpu_s = time.process_time() - begin
    return cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


def budgets(made_of: str, score: Score) -> list[Budget]:
    """Return the aims of docs/trends.md as budgets of what is wrong."""
    shares = (
        ("leaks missed, of 1", _share(score.found), MISSED),
        (f"false in {FALSE_OF} quiet hosts", FALSE_OF * (1 - _share(score.false)), 1.0),
        ("begins two scans off, of 1", _share(score.begins), MISSED),
        ("rates 10 % off, of 1", _share(score.rates), MISSED),
    )
    return [
        Budget(name=f"{made_of}: {name}", figure=figure, limit=limit)
        for name, figure, limit in shares
    ]


def _share(right: list[bool]) -> float:
    """Return the share of what is not so."""
    return 1 - sum(right) / len(right) if right else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fleets", type=int, default=20)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--cost-hosts", type=int, default=10_000)
    options = parser.parse_args()
    held = []
    if options.cost_hosts:
        # First, as the peak is that of the whole process so far.
        cpu_s, peak_mib = measure_cost(options.cost_hosts)
        scale = options.cost_hosts / 10_000
        held += [
            Budget(name="trends, CPU", figure=cpu_s, limit=CPU_S * scale, unit="s"),
            Budget(name="trends, peak memory", figure=peak_mib, limit=PEAK_MIB, unit="MiB"),
        ]
    if options.fleets:
        held += measure(options.fleets, options.hosts)
    for each in held:
        print(each)
    return exit_code(held)


if __name__ == "__main__":
    sys.exit(main())

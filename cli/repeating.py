"""``sockfleet scan --repeat N --interval S``: the scan again and again, and what changes.

Each round is delivered as a scan of its own, compared with the round before, the first with what
``--against`` names: lines of hosts as they are read, then the fleet; files are written anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ..aggregator.comparison import Comparison
from ..aggregator.errors import ComparisonError
from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary, Status
from ..collector.engine import EngineSettings
from ..collector.runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..collector.runtime.event_loop import run_on_event_loop
from ..collector.runtime.signals import stop_on_signals
from ..collector.sampling.fleet_sampler import FleetSampler
from ..collector.sampling.round import Round, Sample
from ..collector.sampling.settings import SamplingSettings
from ..core.errors import UsageError
from ..core.exit_codes import Exit, code_for_hosts, code_for_signal
from . import streams
from .delivery import Delivery
from .progress import progress_bar
from .scanning import Scan

__all__ = ["Repetition"]

_CLEAR = b"\x1b[H\x1b[2J"


class Repetition:
    """One repeated scan. Raises UsageError for what cannot be repeated."""

    def __init__(self, scan: Scan, delivery: Delivery, given: Mapping[str, Any]) -> None:
        shown = delivery.stdout
        if shown is not None and not shown.repeats:
            raise UsageError(
                f"--format {shown.name} cannot be repeated on standard output, where one document "
                f"would follow another; take ndjson, or -o {shown.name}:FILE, which is written "
                "anew in each round"
            )
        if given["dask"] is not None or given["workers"] not in ("auto", 1):
            raise UsageError(
                "--repeat keeps its connections in one process: leave out --workers and --dask; "
                "parts of a fleet can be repeated side by side with --limit"
            )
        self._scan = scan
        self._delivery = delivery
        self._rounds: int | None = given["repeat"] or None
        self._interval_s: float = given["interval"]
        self._quiet: bool = given["quiet"]
        self._baseline = scan.baseline()
        self._advance: Callable[[HostSummary], None] | None = None
        self._hosts: list[HostSummary] = []
        self._comparison: Comparison | None = None
        self._earlier: FleetSummary | None = None
        self._read_at: dict[str, float] = {}
        self._round = 0
        self._whole = True
        self._ok = self._failed = 0

    def run(self) -> int:
        """Repeat; returns the exit code, which is that of all rounds together."""
        signals: list[int] = []
        try:
            run_on_event_loop(self._run(signals))
        except BrokenPipeError:
            return Exit.OK  # the reader has what it wanted
        if signals:
            return code_for_signal(signals[0])
        if self._delivery.stdout is None and not self._ok:
            streams.warn("error: no host could be read in any round")
        return code_for_hosts(self._ok, self._failed) if self._whole else Exit.LOCAL

    async def _run(self, signals: list[int]) -> None:
        hosts = self._scan.selection.hosts
        settings, warm = self._within_limits(self._scan.settings(), len(hosts))
        bar = sys.stderr.isatty() and not self._quiet and not self._delivery.is_streamed
        async with FleetSampler(hosts, settings, warm) as fleet:
            stop_on_signals(fleet.stop, signals)
            with ExitStack() as first_round:
                self._advance = first_round.enter_context(progress_bar(len(hosts), wanted=bar))
                async for each in fleet.rounds(self._rounds, self._sampled):
                    first_round.close()
                    self._advance = None
                    self._delivered(each)
                    if not self._delivery.is_wanted:
                        break
        streams.warn_all(fleet.notes, quiet=self._quiet)

    def _within_limits(
        self, settings: EngineSettings, hosts: int
    ) -> tuple[EngineSettings, SamplingSettings]:
        """As many connections as there are descriptors for; what is beyond takes turns."""
        possible = concurrency_within(raise_descriptor_limit(), hosts)
        at_once = min(settings.concurrency, possible)
        warm = SamplingSettings(interval_s=self._interval_s)
        if possible < hosts:
            at_once = min(at_once, -(-possible // 2))
            warm = replace(warm, most_kept=min(warm.most_kept, possible - at_once))
        if warm.most_kept < hosts:
            beyond = f"{hosts - warm.most_kept} of {hosts} hosts"
            why = f"{warm.most_kept} connections may stay open (ulimit -n, 256 MiB)"
            note = f"{beyond} are asked over a new connection in each round: {why}"
            streams.warn_all([note], quiet=self._quiet)
        return replace(settings, concurrency=at_once), warm

    def _sampled(self, sample: Sample) -> None:
        if sample.round != self._round:
            self._round = sample.round
            self._hosts = []
            self._comparison = self._compared_with(sample)
        host = self._scan.summarised(sample.outcome)
        host = replace(host, round=sample.round, sampled_at=sample.sampled_at)
        if self._comparison is not None:
            before = self._read_at.get(host.name)
            elapsed_s = None if before is None else sample.at_s - before
            host = self._comparison.host(host, elapsed_s=elapsed_s)
        if host.status is Status.OK:
            self._read_at[host.name] = sample.at_s
        self._hosts.append(host)
        self._delivery.host(host)
        if self._advance is not None:
            self._advance(host)

    def _compared_with(self, sample: Sample) -> Comparison | None:
        if self._earlier is None:
            return self._baseline(sample.round_started_at)
        names = [host.name for host in self._earlier.hosts]
        try:
            return Comparison(self._earlier, started_at=sample.round_started_at, names=names)
        except ComparisonError:
            return None  # the clock was set back between two rounds

    def _before(self, number: int) -> bytes:
        """What parts a table from the one before it."""
        shown = self._delivery.stdout
        if shown is None or shown.name != "table":
            return b""
        if sys.stdout.isatty():
            return _CLEAR
        return b"\n" if number > 1 else b""

    def _delivered(self, done: Round) -> None:
        summary = self._scan.summary(
            self._hosts,
            done.started_at,
            done.duration_s,
            complete=done.complete,
            number=done.number,
        )
        if self._comparison is not None:
            summary = self._comparison.fleet(summary)
        self._whole &= self._delivery.deliver(summary, before=self._before(done.number))
        counts = summary.fleet.hosts
        self._ok += counts.ok
        self._failed += counts.failed
        self._earlier = summary

"""A scan repeated over connections that stay open, and what changes between its rounds.

Each round is a scan of its own, compared with the round before it, and the first one with what
``against`` names.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from ..aggregator.comparison import Comparison
from ..aggregator.errors import ComparisonError
from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary, Status
from ..collector.engine import EngineSettings
from ..collector.runtime.descriptor_limit import concurrency_within, raise_descriptor_limit
from ..collector.runtime.event_loop import run_on_event_loop
from ..collector.sampling.fleet_sampler import FleetSampler
from ..collector.sampling.round import Round, Sample
from ..collector.sampling.settings import SamplingSettings
from ..core.errors import UsageError
from .hooks import ScanHooks, Stoppable
from .options import RepeatOptions, ScanOptions
from .scan import Scan

__all__ = ["RepeatedScan"]


class RepeatedScan:
    """One repeated scan. Raises UsageError for what cannot be repeated.

    ``on_host`` of the hooks gets each host in each round, with its ``round`` and ``sampled_at``.
    """

    def __init__(
        self, options: ScanOptions, repeat: RepeatOptions, hooks: ScanHooks | None = None
    ) -> None:
        if options.dask is not None or options.workers not in ("auto", 1):
            raise UsageError(
                "--repeat keeps its connections in one process: leave out --workers and --dask; "
                "parts of a fleet can be repeated side by side with --limit"
            )
        self._repeat = repeat
        self._hooks = ScanHooks() if hooks is None else hooks
        self._scan = Scan(options, hooks)
        self.selection = self._scan.selection
        self._hosts: list[HostSummary] = []
        self._comparison: Comparison | None = None
        self._earlier: FleetSummary | None = None
        self._read_at: dict[str, float] = {}
        self._round = 0
        self._has_met = False

    def prepare(self) -> None:
        """Ask for passphrases and read the earlier scan, once, before any host is contacted."""
        self._scan.prepare()

    def meet_unknown_hosts(self, stoppable: Stoppable) -> None:
        """Ask about unknown host keys, once: between two rounds connections would wait for it."""
        if not self._has_met:
            self._has_met = True
            self._scan.meet_unknown_hosts(stoppable)

    def run(self, on_round: Callable[[FleetSummary], bool]) -> None:
        """Read every host again and again; ``on_round`` gets each round and says whether to go on.

        Raises what the hooks and ``on_round`` raise.
        """
        self.prepare()
        self.meet_unknown_hosts(self._hooks.stoppable)

        async def run_rounds() -> None:
            async with aclosing(self.rounds()) as rounds:
                async for summary in rounds:
                    if not on_round(summary):
                        break

        run_on_event_loop(run_rounds())

    async def rounds(self) -> AsyncGenerator[FleetSummary, None]:
        """The summary of each round as it ends; close it (contextlib.aclosing) to end early."""
        self.prepare()
        hosts = self.selection.hosts
        settings, sampling = self._within_limits(self._scan.settings, len(hosts))
        async with FleetSampler(hosts, settings, sampling) as fleet:
            with self._hooks.stoppable(fleet.stop):
                rounds = fleet.rounds(self._repeat.rounds or None, self._take_sample)
                async with aclosing(rounds):
                    async for each in rounds:
                        yield self._summarize(each)
        self._hooks.note(fleet.notes)

    def _within_limits(
        self, settings: EngineSettings, hosts: int
    ) -> tuple[EngineSettings, SamplingSettings]:
        """As many connections as there are descriptors for; the hosts beyond take turns."""
        possible = concurrency_within(raise_descriptor_limit(), hosts)
        at_once = min(settings.concurrency, possible)
        sampling = SamplingSettings(interval_s=self._repeat.interval_s)
        if possible < hosts:
            at_once = min(at_once, -(-possible // 2))
            sampling = replace(sampling, most_kept=min(sampling.most_kept, possible - at_once))
        if sampling.most_kept < hosts:
            beyond = f"{hosts - sampling.most_kept} of {hosts} hosts"
            why = f"{sampling.most_kept} connections may stay open (ulimit -n, 300 MiB)"
            self._hooks.note([f"{beyond} are asked over a new connection in each round: {why}"])
        return replace(settings, concurrency=at_once), sampling

    def _take_sample(self, sample: Sample) -> None:
        if sample.round != self._round:
            self._round = sample.round
            self._scan.settings.transport_settings.agent_listings.forget()
            self._hosts = []
            self._comparison = self._compare(sample)
        host = self._scan.summarize(sample.outcome)
        at = sample.sampled_at
        host = replace(host, round=sample.round, sampled_at=at, read_at=at)
        if self._comparison is not None:
            before = self._read_at.get(host.name)
            elapsed_s = None if before is None else sample.at_s - before
            host = self._comparison.compare_host(host, elapsed_s=elapsed_s)
        if host.status is Status.OK:
            self._read_at[host.name] = sample.at_s
        self._hosts.append(host)
        self._hooks.on_host(host)

    def _compare(self, sample: Sample) -> Comparison | None:
        """With the round before; for the first round, with the earlier scan."""
        if self._earlier is None:
            return self._scan.compare_from(sample.round_started_at)
        names = [host.name for host in self._earlier.hosts]
        try:
            return Comparison(self._earlier, started_at=sample.round_started_at, names=names)
        except ComparisonError:
            return None  # the clock was set back between two rounds

    def _summarize(self, done: Round) -> FleetSummary:
        summary = self._scan.summary(
            self._hosts,
            done.started_at,
            done.duration_s,
            complete=done.complete,
            number=done.number,
        )
        if self._comparison is not None:
            summary = self._comparison.compare_fleet(summary)
        self._earlier = summary
        return summary

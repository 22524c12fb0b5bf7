"""One scan: from options to a summary of the fleet."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from ..aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from ..aggregator.host import HostSummary, Status, summarize_host
from ..aggregator.shards import Shards
from ..aggregator.thresholds import parse_thresholds
from ..collector.engine import EngineSettings
from ..collector.outcome import HostOutcome
from ..core.record import record
from ..inventory.models import Host
from .collect import CollectEnd, collect, collect_on_cluster, count_workers
from .engine_settings import engine_settings
from .first_contact import FirstContact, find_unmet_hosts
from .hooks import Message, MessageKind, ScanHooks, Stoppable, ignore, trust_none
from .login_hint import add_login_hint
from .options import ScanOptions
from .passphrases import Passphrases
from .selection import Selection, select_hosts

if TYPE_CHECKING:  # what reads saved scans is not light, and only --against needs it
    from ..aggregator.comparison import Comparison
    from .saved_scans import Baseline

__all__ = ["Scan", "ScanResult", "run_scan"]


@record
class ScanResult:
    """What one scan gave."""

    summary: FleetSummary
    complete: bool
    """False where the scan was stopped, by its deadline or from outside."""
    failed: str | None
    """Why the scan itself failed in the middle; None: it did not."""


def run_scan(options: ScanOptions, hooks: ScanHooks | None = None) -> ScanResult:
    """Read every selected host once. Raises UsageError before any host is contacted."""
    return Scan(options, hooks).run()


class Scan:
    """One scan. Everything that can be checked is checked when it is made; raises UsageError."""

    def __init__(self, options: ScanOptions, hooks: ScanHooks | None = None) -> None:
        self._options = options
        self._hooks = ScanHooks() if hooks is None else hooks
        self._thresholds = parse_thresholds(options.threshold)
        self._passphrases = Passphrases(self._hooks.prompt)
        self.selection = select_hosts(options, prompt=self._hooks.prompt)
        shard = self.selection.shard
        self._shards = None if shard is None else Shards(of=shard.of, parts=(shard.part,))
        self._variables = _variable_names(self.selection) if shard is not None else frozenset()
        self._start_clock()
        self._check_view()
        self._hooks.note(self.selection.notes)

    def prepare(self) -> None:
        """Ask for passphrases and read the earlier scan, once, before any host is contacted."""
        _ = self.settings, self._baseline

    def run(self) -> ScanResult:
        """Read every host, sum up, and compare with what ``against`` names.

        Raises what ``on_host`` raises, SockfleetError where the scan cannot begin.
        """
        self.prepare()
        self._start_clock()
        comparison = self.compare_from(self._started_at)
        done: list[HostSummary] = []

        def deliver(outcome: HostOutcome) -> None:
            host = replace(self.summarize(outcome), read_at=datetime.now(UTC))
            if comparison is not None:
                host = comparison.compare_host(host)
            done.append(host)
            self._hooks.on_host(host)

        ended = self._collect_known(deliver)
        if ended.failed is not None:
            self._hooks.on_message(Message(MessageKind.ERROR, ended.failed))
        self._hooks.note(ended.notes)
        summary = self._summary(done, complete=ended.complete)
        return ScanResult(
            summary=summary if comparison is None else comparison.compare_fleet(summary),
            complete=ended.complete,
            failed=ended.failed,
        )

    @cached_property
    def settings(self) -> EngineSettings:
        """The limits, the login and the probe of the collector; asks for passphrases."""
        if self._options.uses_keys_here:
            self._passphrases.collect(self.selection.hosts)
        return engine_settings(self._options, self._passphrases)

    @cached_property
    def _baseline(self) -> Baseline | None:
        if self._options.against is None:
            return None
        from .saved_scans import Baseline

        now = self._info(self._started_at, 0.0, complete=False)
        hooks = self._hooks
        return Baseline(self._options.against, now, hooks.on_message, hooks.find_scan)

    def compare_from(self, started_at: datetime) -> Comparison | None:
        """The comparison of a scan that starts then with the earlier one; None without one."""
        if self._baseline is None:
            return None
        names = {host.name for host in self.selection.hosts}
        return self._baseline.comparison(started_at=started_at, names=names)

    def summarize(self, outcome: HostOutcome) -> HostSummary:
        """The summary of one outcome, diagnosed by the thresholds of the options."""
        return summarize_host(add_login_hint(outcome, self._options), self._thresholds)

    def summary(
        self,
        hosts: Sequence[HostSummary],
        started_at: datetime,
        duration_s: float,
        *,
        complete: bool,
        number: int | None = None,
    ) -> FleetSummary:
        """The summary of a scan, or of the round of that number of a repeated one."""
        groups = self.selection.inventory.groups
        return summarize_fleet(
            hosts,
            self._info(started_at, duration_s, complete=complete, number=number),
            group_by=self._options.group_by,
            sort=self._options.sort,
            children={name: group.children for name, group in groups.items()},
            variables=self._variables,
        )

    def _info(
        self,
        started_at: datetime,
        duration_s: float,
        *,
        complete: bool,
        number: int | None = None,
    ) -> ScanInfo:
        return ScanInfo(
            id=uuid.uuid4().hex,
            started_at=started_at,
            # Not the clock's time at the end: it may have been set meanwhile, and backwards too.
            finished_at=started_at + timedelta(seconds=duration_s),
            duration_s=duration_s,
            complete=complete,
            round=number,
            inventory=self.selection.inventory.sources,
            limit=self._options.limit,
            shards=self._shards,
        )

    def meet_unknown_hosts(self, stoppable: Stoppable) -> None:
        """Ask about the unknown keys of hosts, for a scan that cannot be interrupted for it."""
        if self._hooks.confirm_keys is trust_none or self._options.dask is not None:
            return
        hosts = find_unmet_hosts(self.selection.hosts, self.settings)
        self._collect_known(ignore, hosts, stoppable)

    def _collect_known(
        self,
        deliver: Callable[[HostOutcome], None],
        hosts: Sequence[Host] | None = None,
        stoppable: Stoppable | None = None,
    ) -> CollectEnd:
        """Read every host; those with unknown keys again, once these are trusted."""
        stoppable = self._hooks.stoppable if stoppable is None else stoppable
        if self._options.dask is not None:  # the known_hosts files are those of the workers
            return self._collect(self.selection.hosts, self.settings, deliver, stoppable)
        first = FirstContact(self._hooks)

        def hold(outcome: HostOutcome) -> None:
            if not first.holds(outcome):
                deliver(outcome)

        hosts = self.selection.hosts if hosts is None else hosts
        settings, notes, spent_s = self.settings, dict[str, None](), 0.0
        while True:
            began = time.monotonic()
            ended = self._collect(hosts, settings, hold, stoppable)
            spent_s += time.monotonic() - began  # without the time that a user takes to answer
            notes.update(dict.fromkeys(ended.notes))
            again = first.decide(self.settings, deliver) if ended.complete else None
            if again is None:
                break
            hosts = again.hosts
            settings = replace(again.settings, deadline_spent_s=spent_s)
        for failure in first.release():
            deliver(failure)
        return replace(ended, notes=tuple(notes))

    def _collect(
        self,
        hosts: Sequence[Host],
        settings: EngineSettings,
        deliver: Callable[[HostOutcome], None],
        stoppable: Stoppable,
    ) -> CollectEnd:
        options = self._options
        if not hosts:  # an empty shard
            return CollectEnd(complete=True, notes=())
        if options.dask is None:
            workers = count_workers(options.workers, len(hosts))
            return collect(hosts, settings, deliver, stoppable=stoppable, workers=workers)
        self._hooks.note(self._notes_on_secrets())
        return collect_on_cluster(
            hosts,
            settings,
            deliver,
            stoppable=stoppable,
            address=options.dask,
            ship_secrets=options.dask_ship_secrets,
            passphrases=self._passphrases.known,
        )

    def _notes_on_secrets(self) -> list[str]:
        if self._options.uses_keys_here:
            return []
        count = sum(host.ssh.password is not None for host in self.selection.hosts)
        if not count:
            return []
        what = f"the passwords of {count} hosts are not sent to the Dask workers"
        return [f"{what}, which use their own SOCKFLEET_PASSWORD; --dask-ship-secrets sends them"]

    def _start_clock(self) -> None:
        """Begin the scan's time: what comes before is reading files and asking the user."""
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def _summary(self, hosts: list[HostSummary], *, complete: bool) -> FleetSummary:
        duration_s = time.monotonic() - self._started
        return self.summary(hosts, self._started_at, duration_s, complete=complete)

    def _check_view(self) -> None:
        """Raise UsageError for an unknown ``sort`` or ``group_by``."""
        hosts = self.selection.hosts if self._options.group_by else ()
        self._summary(
            [
                HostSummary(
                    name=host.name,
                    port=host.port,
                    groups=host.groups,
                    status=Status.FAILED,
                    attempts=0,
                    elapsed_s=0.0,
                    variables=host.variables,
                )
                for host in hosts
            ],
            complete=False,
        )


def _variable_names(selection: Selection) -> frozenset[str]:
    """What ``group_by`` may name in each shard, though none of its own hosts has it."""
    hosts = selection.inventory.hosts
    return frozenset(name for each in selection.names for name in hosts[each].variables)

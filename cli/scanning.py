"""What ``sockfleet scan`` does once its options are read."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from ..aggregator.host import HostSummary, Status, summarize_host
from ..aggregator.shards import Shards
from ..aggregator.thresholds import parse_thresholds
from ..collector.engine import EngineSettings
from ..collector.outcome import HostOutcome
from ..collector.probe.become import Become
from ..collector.probe.forced import FORCED_COMMAND
from ..collector.probe.full import FullProbe
from ..collector.probe.script import ProbeOptions, new_marker
from ..collector.transport import TransportSettings
from ..core.errors import UsageError
from ..core.exit_codes import Exit, code_for_hosts, code_for_signal
from ..inventory.models import Host, HostKeyPolicy, Probe
from ..inventory.name_shard import NameShard, parse_shard
from . import streams, terminal
from .collecting import Ended, collect, how_many_workers
from .dask_collecting import (
    check_cluster_options,
    collect_on_dask,
    notes_on_secrets,
    uses_keys_here,
)
from .delivery import Delivery
from .log_lines import log_to_stderr
from .progress import progress_bar
from .prompts import Passphrases, prompt
from .selection import Selection, connection_defaults, select_hosts

if TYPE_CHECKING:  # only --against has one
    from ..aggregator.comparison import Comparison

__all__ = ["Scan", "delivery_of", "engine_settings", "probe_command_of", "select"]


def select(given: Mapping[str, Any]) -> Selection:
    """The hosts that the options of a command mean; see `selection.select_hosts`."""
    defaults = connection_defaults(
        user=given["user"],
        identity=given["identity"],
        agent=given["agent"],
        ask_pass=given["ask_pass"],
        password_file=given["password_file"],
        ssh_config=given["ssh_config"],
        allow_proxy_command=given["allow_proxy_command"],
        probe=probe_of(given),
        ask=prompt,
    )
    return select_hosts(given["inventory"], given["limit"], defaults, shard_of(given))


def shard_of(given: Mapping[str, Any]) -> NameShard | None:
    """The part of the selection that the options of a command ask for; None: all of it."""
    text: str | None = given.get("shard")
    return None if text is None else parse_shard(text)


def probe_options_of(given: Mapping[str, Any]) -> ProbeOptions:
    """What the options of a command ask of each host."""
    return ProbeOptions(
        namespaces=given["namespaces"],
        processes=given["processes"] or given["process_args"],
        arguments=given["process_args"],
    )


def become_of(given: Mapping[str, Any]) -> Become | None:
    """How the options of a command want to become root on each host, if at all."""
    return Become(given["become_method"]) if given["become"] else None


def probe_of(given: Mapping[str, Any]) -> Probe:
    """Which probe hosts answer whose inventory does not say; raises UsageError for what it cannot
    be asked for."""
    chosen = Probe(given["probe"])
    for name in ("become", "processes", "process_args"):
        if chosen is Probe.FORCED and given[name]:
            raise UsageError(
                f"--probe forced and --{name.replace('_', '-')} exclude each other: the key's "
                "forced command answers the same, whatever is asked"
            )
    return chosen


def probe_command_of(given: Mapping[str, Any]) -> str:
    """The exact command that a host is to run; with --repeat a second line is the one that stays.

    What cannot be asked of a shell that stays is asked by the first line again.
    """
    if probe_of(given) is Probe.FORCED:
        return FORCED_COMMAND
    options, become = probe_options_of(given), become_of(given)
    command = FullProbe(options, become).command
    if given.get("repeat") is None or become is not None or options.processes:
        return command
    from ..collector.sampling.shell import shell_command

    return f"{command}\n{shell_command(new_marker(), options)}"


def engine_settings(given: Mapping[str, Any], passphrases: Passphrases) -> EngineSettings:
    """The limits and the login's common part that the options of a command ask for."""
    return EngineSettings(
        concurrency=given["concurrency"],
        timeout_s=given["timeout"],
        deadline_s=given["deadline"],
        retries=given["retries"],
        probe=probe_options_of(given),
        become=become_of(given),
        transport=given["transport"],
        transport_settings=TransportSettings(
            known_hosts_files=given["known_hosts"],
            host_keys=HostKeyPolicy(given["host_keys"]),
            connect_timeout_s=given["connect_timeout"],
            ask_passphrase=passphrases,
            bastion_connections=given["per_bastion"],
            concurrency=given["concurrency"],
        ),
    )


def delivery_of(given: Mapping[str, Any]) -> Delivery:
    """Where the options of a command want its result; see `delivery.Delivery`."""
    return Delivery(
        given["output"],
        given["format_name"],
        terminal.render_options(given["color"], top=given["top"]),
        mode=given["mode"],
        quiet=given["quiet"],
    )


class Scan:
    """One ``sockfleet scan``: all that can be judged is judged before a host is contacted."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._quiet: bool = given["quiet"]
        self._thresholds = parse_thresholds(given["threshold"])
        check_cluster_options(given)
        log_to_stderr(given["verbose"])
        self.selection = select(given)
        shard = shard_of(given)
        self._shards = None if shard is None else Shards(of=shard.of, parts=(shard.part,))
        self._variables = _variables(self.selection) if shard is not None else frozenset()
        self._begin()
        self._judge_view()
        streams.warn_all(self.selection.notes, quiet=self._quiet)

    def run(self, delivery: Delivery) -> int:
        """Collect and deliver; returns the exit code."""
        try:
            ended, summary = self.collect(delivery)
        except BrokenPipeError:
            return Exit.OK  # the reader has what it wanted
        written = delivery.deliver(summary)
        if delivery.stdout is None and summary.fleet.hosts.failed and not summary.fleet.hosts.ok:
            streams.warn(f"error: {_none_read(summary)}")  # else cron would hear nothing
        return _exit_code(ended, summary, written=written)

    def collect(self, delivery: Delivery | None = None) -> tuple[Ended, FleetSummary]:
        """Ask every host; ``delivery`` is told of each as it ends, and what it raises passes."""
        settings = self.settings()
        against = self.baseline()
        hosts = self.selection.hosts
        self._begin()
        comparison = against(self._started_at)
        bar = sys.stderr.isatty() and not self._quiet
        bar &= delivery is None or not delivery.is_streamed
        done: list[HostSummary] = []
        with progress_bar(len(hosts), wanted=bar) as advance:

            def deliver(outcome: HostOutcome) -> None:
                host = self.summarised(outcome)
                if comparison is not None:
                    host = comparison.host(host)
                done.append(host)
                if delivery is not None:
                    delivery.host(host)
                advance(host)

            ended = self._collected(hosts, settings, deliver)
        if ended.failed is not None:
            streams.warn(f"error: {ended.failed}")
        streams.warn_all(ended.notes, quiet=self._quiet)
        summary = self._summary(done, complete=ended.complete)
        return ended, summary if comparison is None else comparison.fleet(summary)

    def settings(self) -> EngineSettings:
        """The limits and the login; asks for what only the user knows."""
        passphrases = Passphrases()
        if uses_keys_here(self._given):
            passphrases.collect(self.selection.hosts)
        return engine_settings(self._given, passphrases)

    def baseline(self) -> Callable[[datetime], Comparison | None]:
        """What ``--against`` names: makes the comparison for a scan that starts at a moment."""
        against: str | None = self._given["against"]
        if against is None:
            return lambda _: None
        from .saved_scans import comparison_with, earlier_scan  # what reads scans back is not light

        earlier = earlier_scan(against, quiet=self._quiet)
        if earlier is None:
            return lambda _: None
        names = {host.name for host in self.selection.hosts}
        return lambda started_at: comparison_with(
            earlier, against, started_at=started_at, names=names
        )

    def summarised(self, outcome: HostOutcome) -> HostSummary:
        """The summary of one outcome, diagnosed by the thresholds that were asked for."""
        return summarize_host(outcome, self._thresholds)

    def _collected(
        self,
        hosts: Sequence[Host],
        settings: EngineSettings,
        deliver: Callable[[HostOutcome], None],
    ) -> Ended:
        if not hosts:  # of a shard; there is nobody to ask
            return Ended(complete=True, signal=None, notes=())
        if self._given["dask"] is None:
            workers = how_many_workers(self._given["workers"], len(hosts))
            return collect(hosts, settings, deliver, workers=workers)
        streams.warn_all(notes_on_secrets(hosts, self._given), quiet=self._quiet)
        return collect_on_dask(
            hosts,
            settings,
            deliver,
            address=self._given["dask"],
            ship_secrets=self._given["dask_ship_secrets"],
        )

    def _begin(self) -> None:
        """Start the scan's clock: what comes before it is the user's time."""
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def _summary(self, hosts: list[HostSummary], *, complete: bool) -> FleetSummary:
        duration_s = time.monotonic() - self._started
        return self.summary(hosts, self._started_at, duration_s, complete=complete)

    def summary(
        self,
        hosts: Sequence[HostSummary],
        started_at: datetime,
        duration_s: float,
        *,
        complete: bool,
        number: int | None = None,
    ) -> FleetSummary:
        """The summary of a scan, or of a round of a repeated one, that number."""
        groups = self.selection.inventory.groups
        info = ScanInfo(
            id=uuid.uuid4().hex,
            started_at=started_at,
            # Not the clock's own time: it may have been set meanwhile, and backwards too.
            finished_at=started_at + timedelta(seconds=duration_s),
            duration_s=duration_s,
            complete=complete,
            round=number,
            inventory=self.selection.inventory.sources,
            limit=self._given["limit"],
            shards=self._shards,
        )
        return summarize_fleet(
            hosts,
            info,
            group_by=self._given["group_by"],
            sort=self._given["sort"],
            children={name: group.children for name, group in groups.items()},
            variables=self._variables,
        )

    def _judge_view(self) -> None:
        """An unknown --sort or --group-by is told before any host is contacted."""
        hosts = self.selection.hosts if self._given["group_by"] else ()
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


def _variables(selection: Selection) -> frozenset[str]:
    """What --group-by may name in each shard, though none of its own hosts has it."""
    hosts = selection.inventory.hosts
    return frozenset(name for each in selection.names for name in hosts[each].variables)


def _none_read(summary: FleetSummary) -> str:
    why = ", ".join(f"{count} {category}" for category, count in summary.fleet.failures.items())
    return f"no host could be read: {why}"


def _exit_code(ended: Ended, summary: FleetSummary, *, written: bool) -> int:
    """Where several hold, INTERFACE says which counts: a signal, then a write, then the hosts."""
    if ended.signal is not None:
        return code_for_signal(ended.signal)
    if ended.failed is not None:
        return Exit.FAILED
    if not written:
        return Exit.LOCAL
    return code_for_hosts(summary.fleet.hosts.ok, summary.fleet.hosts.failed)

"""``sockfleet check``: judge a scan by levels, and say it as a monitoring plugin does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ...aggregator.comparison import Comparison
from ...aggregator.errors import ComparisonError
from ...aggregator.fleet import FleetSummary
from ...aggregator.measures import StoredNumbers, measure
from ...alerting.levels.levels import Levels
from ...alerting.levels.state import State, worst_of
from ...collector.runtime.signals import StopSignals
from ...core.errors import SockfleetError, UsageError
from ...core.text import count_text
from ...output.formats import RenderOptions
from ...output.text.abbreviation import abbreviate
from ...output.text.changes import change_lines
from ...output.text.monitoring_plugin import plugin_text
from ...output.text.style import TextStyle
from ...output.text.warnings import warning_lines
from ...scan.hooks import trust_none
from ...scan.saved_scans import NoEarlierScanError, read_scan
from ...scan.scan import Scan
from ..console.log_lines import log_to_stderr
from ..options.click_options import scan_options_from
from .terminal_hooks import terminal_hooks

__all__ = ["Check"]

_ALWAYS_SHOWN = (
    *("failed", "read", "tcp_close", "closed", "orphan", "tw", "alloc", "mem_pages"),
    *("worst.tcp_close", "worst.orphan_percent", "worst.mem_percent"),
    *("growth.tcp_close", "worst.growth.tcp_close", "duration_s"),
)
# Failures of this machine: UNKNOWN by the guidelines, unlike those of hosts and the network.
_LOCAL_CATEGORIES = frozenset({"config", "local_resource", "client_overload", "not_attempted"})
_CLOCK_SKEW_S = 60.0
_PLAIN = TextStyle(RenderOptions(ascii=True))


class Check:
    """One check; raises UsageError for options that contradict each other."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._levels = Levels(given["warning"], given["critical"])
        self._details: list[str] = []
        self._doubts: list[str] = []
        """Each one turns an OK into UNKNOWN."""
        self._is_void = False
        """Whether the scan is too old, or of the future: UNKNOWN whatever it says."""
        if bool(given["inventory"]) == bool(given["from_file"]):
            raise UsageError("give either an INVENTORY or --from SCAN.json")

    def run(self) -> tuple[str, State]:
        """The text to print, and the state, which is the exit code."""
        summary = self._read_saved() if self._given["from_file"] else self._scan()
        summary = self._compare(summary)
        levels = self._levels.evaluate(summary, self._read_stored(summary))
        if self._levels.are_usual:
            self._doubts += _doubt_hosts_without_diagnosis(summary)
        state = self._state(summary, [level.state for level in levels])
        text = plugin_text(
            state,
            levels,
            doubts=self._doubts,
            summary=_summarize(summary),
            details=[*self._doubts, *self._details, *_detail_lines(summary)],
            extra=[measure(key, summary) for key in _ALWAYS_SHOWN],
        )
        return text, state

    def _state(self, summary: FleetSummary, states: list[State]) -> State:
        if self._is_void:
            return State.UNKNOWN
        hosts = summary.fleet.hosts
        is_empty_shard = summary.scan.shards is not None and not hosts.total
        if not hosts.ok and not is_empty_shard and State.CRITICAL not in states:
            return _state_of_no_reading(summary)
        return worst_of([*states, *(State.UNKNOWN for _ in self._doubts)])

    def _scan(self) -> FleetSummary:
        verbose: int = self._given["verbose"]
        log_to_stderr(verbose)
        signals = StopSignals()
        # Icinga takes stderr for a part of the output: only -v writes there.
        # A plugin puts no question: what the user would be asked about is in its text.
        hooks = replace(terminal_hooks(signals, quiet=not verbose), confirm_keys=trust_none)
        # The comparison is made below, where a fault in it is a state of the check.
        options = replace(scan_options_from(self._given), against=None)
        result = Scan(options, hooks).run()
        if signals.received:
            self._doubts.append(f"stopped by {signals.received[0].name}")
        elif not result.complete:
            self._doubts.append(f"ended by the deadline of {options.deadline_s:g} s")
        return result.summary

    def _read_saved(self) -> FleetSummary:
        name: str = self._given["from_file"]
        for option in ("limit", "shard"):
            if self._given[option] is not None:
                raise UsageError(f"--{option} selects hosts to ask; --from takes a scan as it is")
        summary = read_scan(name)
        finished = summary.scan.finished_at
        age_s = (datetime.now(UTC) - finished).total_seconds()
        told = f"the scan in {name} ended at {finished:%Y-%m-%d %H:%M:%S %Z}"
        if age_s < -_CLOCK_SKEW_S:
            self._doubts.append(f"{told}, which is in the future")
            self._is_void = True
        elif 0 < self._given["max_age"] < age_s:
            self._doubts.append(f"{told}, {age_s:.0f} s ago (--max-age)")
            self._is_void = True
        else:
            self._details.append(f"{told}, {max(age_s, 0):.0f} s ago")
        if not summary.scan.complete:
            self._doubts.append(f"the scan in {name} ended before every host had its turn")
        return summary

    def _read_stored(self, summary: FleetSummary) -> StoredNumbers | None:
        """The numbers that only the scans of a store give; raises UsageError without a store."""
        keys = self._levels.stored_keys
        if not keys:
            return None
        from ...alerting.stored_numbers import read_stored_number
        from ...history.errors import StoreMissingError
        from ...history.store.opening import use_store

        try:
            with use_store(self._given["store"]) as store:
                return {key: read_stored_number(store, key, summary) for key in keys}
        except StoreMissingError as error:
            raise UsageError(f"{keys[0]} is a number of the scans of a store: {error}") from error

    def _compare(self, now: FleetSummary) -> FleetSummary:
        """Compare with the earlier scan; a level on a change without one is UNKNOWN."""
        name: str | None = self._given["against"]
        if name is not None:
            store: str | None = self._given["store"]
            find_scan = terminal_hooks(StopSignals(), quiet=True, store=store).find_scan
            try:
                return Comparison(
                    find_scan(name, now.scan) or read_scan(name),
                    started_at=now.scan.started_at,
                    names={host.name for host in now.hosts},
                ).compare(now)
            except (ComparisonError, NoEarlierScanError) as error:
                problem = f"--against {name}: {error}"
            except SockfleetError as error:
                problem = f"--against: {error}"
            (self._doubts if self._levels.needs_comparison else self._details).append(problem)
        elif self._levels.needs_comparison and now.fleet.change is None:
            self._doubts.append("a level is about changes: --against SCAN.json is needed")
        return now


def _state_of_no_reading(summary: FleetSummary) -> State:
    """UNKNOWN where only this machine is at fault, as the guidelines say; else CRITICAL."""
    return State.UNKNOWN if summary.fleet.failures.keys() <= _LOCAL_CATEGORIES else State.CRITICAL


def _doubt_hosts_without_diagnosis(summary: FleetSummary) -> Iterator[str]:
    """Hosts without a counter that the diagnosis needs: a leak would not show there."""
    names = [host.name for host in summary.hosts if host.tcp is not None and not host.diagnosis]
    if names:
        hosts = count_text(len(names), "host")
        yield f"{hosts} gave too few counters for a diagnosis: {abbreviate(names)}"


def _summarize(summary: FleetSummary) -> str:
    hosts = summary.fleet.hosts
    told = f"{hosts.ok} of {count_text(hosts.total, 'host')} read"
    held = measure("tcp_close", summary)
    if held.value is None:
        return told
    most = ", ".join(f"{name} {value}" for name, value in held.hosts)
    value = f"{held.qualifier} {held.value}".lstrip()
    return f"{told}, tcp_close {value} ({most})"


def _detail_lines(summary: FleetSummary) -> Iterator[str]:
    """The failures by category, the changes, and the warnings of the scan."""
    for category, count in summary.fleet.failures.items():
        failed = [host for host in summary.hosts if host.error and host.error.category == category]
        message = failed[0].error.message if failed and failed[0].error else ""
        names = abbreviate(host.name for host in failed)
        yield f"{count_text(count, 'host')} failed, {category}: {names}: {message}"
    yield from change_lines(summary, _PLAIN)
    yield from (f"warning: {text}" for text in warning_lines(summary))

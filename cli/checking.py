"""What ``sockfleet check`` does once its options are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..aggregator.comparison import Comparison
from ..aggregator.errors import ComparisonError
from ..aggregator.fleet import FleetSummary
from ..aggregator.measures import measure
from ..alerting.levels import Levels
from ..alerting.state import State, worst_of
from ..collector.runtime.signals import StopSignals
from ..core.errors import UsageError
from ..output.formats import RenderOptions
from ..output.text.abbreviation import abbreviate
from ..output.text.changes import change_lines
from ..output.text.monitoring_plugin import plugin_text
from ..output.text.style import TextStyle, count_text
from ..output.text.warnings import warning_lines
from ..scan.saved_scans import read_scan
from ..scan.scan import Scan
from .log_lines import log_to_stderr
from .options import scan_options_from
from .terminal_hooks import terminal_hooks

__all__ = ["Check"]

_ALWAYS_SHOWN = (
    *("failed", "read", "tcp_close", "closed", "orphan", "tw", "alloc", "mem_pages"),
    *("worst.tcp_close", "worst.orphan_percent", "worst.mem_percent"),
    *("growth.tcp_close", "worst.growth.tcp_close", "duration_s"),
)
# Failures of this side: by the guidelines UNKNOWN, where those of the network are not.
_OUR_OWN = frozenset({"config", "local_resource", "client_overload", "not_attempted"})
_CLOCK_SKEW_S = 60.0
_PLAIN = TextStyle(RenderOptions(ascii=True))


class Check:
    """One ``sockfleet check``; raises UsageError for options that cannot be meant."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._levels = Levels(given["warning"], given["critical"])
        self._details: list[str] = []
        self._doubts: list[str] = []
        """Each makes a result that would be OK UNKNOWN."""
        self._is_void = False
        """Whether the scan says nothing of now, whatever it says: too old, or of the future."""
        if bool(given["inventory"]) == bool(given["from_file"]):
            raise UsageError("give either an INVENTORY or --from SCAN.json")

    def run(self) -> tuple[str, State]:
        """What to print, and the state that is the exit code."""
        summary = self._saved() if self._given["from_file"] else self._scan()
        summary = self._compared(summary)
        levels = self._levels.judged(summary)
        state = self._state(summary, [level.state for level in levels])
        text = plugin_text(
            state,
            levels,
            doubts=self._doubts,
            summary=_in_short(summary),
            details=[*self._doubts, *self._details, *_more(summary)],
            extra=[measure(key, summary) for key in _ALWAYS_SHOWN],
        )
        return text, state

    def _state(self, summary: FleetSummary, states: list[State]) -> State:
        if self._is_void:
            return State.UNKNOWN
        hosts = summary.fleet.hosts
        is_empty_shard = summary.scan.shards is not None and not hosts.total
        if not hosts.ok and not is_empty_shard and State.CRITICAL not in states:
            return _nothing_read(summary)
        return worst_of([*states, *(State.UNKNOWN for _ in self._doubts)])

    def _scan(self) -> FleetSummary:
        verbose: int = self._given["verbose"]
        log_to_stderr(verbose)
        signals = StopSignals()
        # Icinga takes stderr for a part of the output: only -v writes there.
        hooks = terminal_hooks(signals, quiet=not verbose)
        # The comparison is made below, where a fault in it is a state of the check.
        options = replace(scan_options_from(self._given), against=None)
        result = Scan(options, hooks).run()
        if signals.received:
            self._doubts.append(f"stopped by {signals.received[0].name}")
        elif not result.complete:
            self._doubts.append(f"ended by the deadline of {options.deadline_s:g} s")
        return result.summary

    def _saved(self) -> FleetSummary:
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

    def _compared(self, now: FleetSummary) -> FleetSummary:
        """A level of a change that cannot be told is UNKNOWN; the text says why."""
        name: str | None = self._given["against"]
        if name is not None:
            try:
                return Comparison(
                    read_scan(name),
                    started_at=now.scan.started_at,
                    names={host.name for host in now.hosts},
                ).whole(now)
            except UsageError as error:
                problem = f"--against: {error}"
            except ComparisonError as error:
                problem = f"--against {name}: {error}"
            (self._doubts if self._levels.need_comparison else self._details).append(problem)
        elif self._levels.need_comparison and now.fleet.change is None:
            self._doubts.append("a level is about changes: --against SCAN.json is needed")
        return now


def _nothing_read(summary: FleetSummary) -> State:
    """The guidelines keep UNKNOWN for what is wrong on this side."""
    return State.UNKNOWN if summary.fleet.failures.keys() <= _OUR_OWN else State.CRITICAL


def _in_short(summary: FleetSummary) -> str:
    hosts = summary.fleet.hosts
    told = f"{hosts.ok} of {count_text(hosts.total, 'host')} read"
    held = measure("tcp_close", summary)
    if held.value is None:
        return told
    most = ", ".join(f"{name} {value}" for name, value in held.hosts)
    value = f"{held.qualifier} {held.value}".lstrip()
    return f"{told}, tcp_close {value} ({most})"


def _more(summary: FleetSummary) -> Iterator[str]:
    """Why hosts failed, what changed, and the scan's warnings."""
    for category, count in summary.fleet.failures.items():
        failed = [host for host in summary.hosts if host.error and host.error.category == category]
        message = failed[0].error.message if failed and failed[0].error else ""
        names = abbreviate(host.name for host in failed)
        yield f"{count_text(count, 'host')} failed, {category}: {names}: {message}"
    yield from change_lines(summary, _PLAIN)
    yield from (f"warning: {text}" for text in warning_lines(summary))

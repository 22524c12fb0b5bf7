"""What else changed, as the short lists of every format of a report."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.record import record
from ..core.text import escape
from ..history.report.model import FleetReport, State
from .report_sentences import format_change, format_count, format_rate, format_time

__all__ = ["ChangeList", "list_changes"]


@record
class ChangeList:
    """One list of hosts with what they did."""

    title: str
    items: tuple[str, ...]
    """As many as were wanted."""
    more: int
    """How many others there are."""

    def __str__(self) -> str:
        """The list as one line."""
        more = f" and {self.more:,} more" if self.more else ""
        return ", ".join(self.items) + more


def list_changes(report: FleetReport, most: int) -> Iterator[ChangeList]:
    """Yield the lists that are not empty, each with ``most`` items at most."""
    hidden = [line for line in report.lines if line.state is State.SAWTOOTH]
    hidden.sort(key=lambda line: -(line.rate or 0))
    every = {
        "New levels": [
            f"{step.host} {format_change(step.by)} on {format_time(step.at)}"
            for step in report.steps
        ],
        "Containers and units that grow": [
            f"{one.name} on {one.host} {format_rate(one.rate)}/h"
            + (f" since {format_time(one.since)}" if one.since else "")
            for one in report.growing_namespaces
        ],
        "Apart from their group": [
            f"{one.host} {format_count(one.tcp_close)} ({one.group}: {format_count(one.median)})"
            for one in report.apart
        ],
        "Hidden by restarts": [f"{line.name} {format_rate(line.rate)}/h" for line in hidden],
        "Recovered": report.recovered,
        "Rebooted": report.rebooted,
        "New hosts": report.appeared,
        "Hosts that are gone": report.disappeared,
        "Not read": [
            f"{failed.host} ({failed.category}"
            + (f", last read {format_time(failed.since)})" if failed.since else ", never read)")
            for failed in report.failed
        ],
    }
    for title, items in every.items():
        if items:
            shown = tuple(map(escape, items[:most]))
            yield ChangeList(title=title, items=shown, more=len(items) - len(shown))

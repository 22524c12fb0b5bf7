"""The warnings of a scan, as text."""

from __future__ import annotations

from ...aggregator.fleet import FleetSummary
from ...core.text import count_text
from .abbreviation import abbreviate

__all__ = ["warning_lines"]

_MOST_MACHINES = 5


def warning_lines(summary: FleetSummary) -> list[str]:
    """Return the scan's own warnings, and those about its hosts.

    The table ends with them; with another format they go to stderr.
    """
    lines = list(summary.fleet.warnings)
    machines = summary.fleet.same_machine
    lines += [
        f"{abbreviate(same.hosts)} gave one boot id ({same.boot_id}): names of one machine, each "
        "counted in the totals"
        for same in machines[:_MOST_MACHINES]
    ]
    more = len(machines) - _MOST_MACHINES
    if more > 0:
        lines.append(f"{count_text(more, 'more machine')} with several names: see --format json")
    without = [host.name for host in summary.hosts if host.levels == ()]
    if without:
        lines.append(
            f"{count_text(len(without), 'host')} in no group of {summary.scan.group_by}: "
            f"{abbreviate(without)}"
        )
    return lines

"""The changes since an earlier scan, as text of the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...aggregator.change import Against, FleetChange, HostChange, Since
from ...aggregator.fleet import FleetSummary
from .abbreviation import abbreviate
from .style import TextStyle, count_text

__all__ = ["change_lines", "change_text", "rate_text"]


def change_text(change: HostChange | FleetChange | None) -> str:
    """The difference of ``tcp_close``, marked if it is one of two bounds, or the host's status.

    Empty where either number is unknown.
    """
    if change is None:
        return ""
    if isinstance(change, HostChange) and change.status is not Since.COMPARED:
        return change.status.value
    return "" if change.tcp_close is None else f"{_mark(change)}{change.tcp_close:+d}"


def rate_text(change: HostChange | FleetChange | None) -> str:
    """The difference of ``tcp_close`` per hour, in whole sockets from ten on."""
    rate = None if change is None else change.rate_per_hour.get("tcp_close")
    if change is None or rate is None:
        return ""
    return _mark(change) + (f"{rate:+.0f}" if abs(rate) >= 10 else f"{rate:+.3g}")


def _mark(change: HostChange | FleetChange) -> str:
    return "~" if change.bound else ""


def change_lines(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    """Yield the fleet's change, and the new, gone, recovered, lost and rebooted hosts."""
    change = summary.fleet.change
    if change is None:
        return
    line = f"Since {change.against.started_at:%Y-%m-%d %H:%M:%S %Z} ({_ago(change.against)} before)"
    compared = count_text(change.compared, "host")
    if change.tcp_close is None:
        line += f": no tcp_close to compare; {compared} read both times"
    else:
        line += f": tcp_close {change_text(change)} ({rate_text(change)} an hour) over {compared}"
    yield style.wrap(line + ".")
    if change.bound:
        yield style.wrap(
            "~ is the difference of two upper bounds: sockets that other network namespaces of "
            "the host opened or closed meanwhile are in it too."
        )
    for word, names in (
        ("rebooted", change.rebooted),
        ("lost, read before and failed now", change.lost),
        ("recovered", change.recovered),
        ("new", change.new),
        ("gone", change.gone or ()),
    ):
        if names:
            label = f"{count_text(len(names), 'host')} {word}: "
            yield style.wrap(label + abbreviate(names), rest="  ")


def _ago(against: Against) -> str:
    seconds = against.elapsed_s
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"

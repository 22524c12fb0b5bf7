"""What changed since an earlier scan, in the words of the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...aggregator.change import Against, FleetChange, HostChange, Since
from ...aggregator.fleet import FleetSummary
from .abbreviation import abbreviate
from .style import TextStyle, count_text

__all__ = ["change_lines", "change_text", "rate_text"]


def change_text(change: HostChange | FleetChange | None) -> str:
    """The difference of ``tcp_close``, marked where it is one of two bounds, or why there is none.

    Empty where a number is not known.
    """
    if change is None:
        return ""
    if isinstance(change, HostChange) and change.status is not Since.COMPARED:
        return change.status.value
    return "" if change.tcp_close is None else f"{_mark(change)}{change.tcp_close:+d}"


def rate_text(change: HostChange | FleetChange | None) -> str:
    """The same per hour, as whole sockets from ten on."""
    rate = None if change is None else change.rate_per_hour.get("tcp_close")
    if change is None or rate is None:
        return ""
    return _mark(change) + (f"{rate:+.0f}" if abs(rate) >= 10 else f"{rate:+.3g}")


def _mark(change: HostChange | FleetChange) -> str:
    return "~" if change.bound else ""


def change_lines(summary: FleetSummary, paint: TextStyle) -> Iterator[str]:
    """The fleet's change, and which hosts are new, gone, recovered, lost or rebooted."""
    change = summary.fleet.change
    if change is None:
        return
    line = f"Since {change.against.started_at:%Y-%m-%d %H:%M:%S %Z} ({_ago(change.against)} before)"
    compared = count_text(change.compared, "host")
    if change.tcp_close is None:
        line += f": no tcp_close to compare; {compared} read both times"
    else:
        line += f": tcp_close {change_text(change)} ({rate_text(change)} an hour) over {compared}"
    yield paint.wrapped(line + ".")
    if change.bound:
        yield paint.wrapped(
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
            yield paint.wrapped(label + abbreviate(names), rest="  ")


def _ago(against: Against) -> str:
    seconds = against.elapsed_s
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"

"""The changes since an earlier scan, as text of the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...aggregator.change import Against, FleetChange, HostChange, Since
from ...aggregator.fleet import FleetSummary
from ...core.text import count_text
from .abbreviation import abbreviate
from .style import FELL, GREW, TextStyle

__all__ = ["change_lines", "change_style", "change_text", "has_rates", "rate_text"]

_RATES_FROM_S = 600.0


def change_text(change: HostChange | FleetChange | None, style: TextStyle) -> str:
    """The cell of CHANGE: the difference of ``tcp_close``, or the host's status.

    Empty where either number is unknown; nothing that changed is a dot at a terminal.
    """
    if isinstance(change, HostChange) and change.status is not Since.COMPARED:
        return change.status.value
    if change is not None and change.tcp_close == 0 and _has_dots(style):
        return "·"
    return _difference(change, style)


def rate_text(change: HostChange | FleetChange | None, style: TextStyle) -> str:
    """The cell of PER_HOUR: the difference per hour, in whole sockets from ten on."""
    if change is not None and change.tcp_close == 0 and _has_dots(style):
        return "·"
    return _rate(change, style)


def change_style(change: HostChange | None) -> str:
    """One colour for growth, one for its contrary."""
    if change is None or not change.tcp_close:
        return ""
    return GREW if change.tcp_close > 0 else FELL


def has_rates(change: FleetChange | None) -> bool:
    """Whether the scans are far enough apart for rates: over seconds, noise makes thousands."""
    return change is not None and change.against.elapsed_s >= _RATES_FROM_S


def _difference(change: HostChange | FleetChange | None, style: TextStyle) -> str:
    """The difference of ``tcp_close``, marked if it is one of two bounds."""
    if change is None or change.tcp_close is None:
        return ""
    return _mark(change) + _signed(style.number(change.tcp_close))


def _rate(change: HostChange | FleetChange | None, style: TextStyle) -> str:
    rate = None if change is None else change.rate_per_hour.get("tcp_close")
    if change is None or rate is None:
        return ""
    if abs(rate) < 10:
        return f"{_mark(change)}{rate:+.3g}"
    return _mark(change) + _signed(style.number(round(rate)))


def _signed(number: str) -> str:
    return number if number.startswith("-") else f"+{number}"


def _has_dots(style: TextStyle) -> bool:
    return style.options.is_terminal and not style.options.ascii


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
        rate = f" ({_rate(change, style)} an hour)" if has_rates(change) else ""
        line += f": tcp_close {_difference(change, style)}{rate} over {compared}"
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

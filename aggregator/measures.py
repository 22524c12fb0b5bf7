"""The numbers of a scan by name, for levels: of the fleet, or of the host where it is highest.

NUMBER                 the fleet's sum: tcp_close, closed, orphan, alloc, tw, …
change.NUMBER          its change since an earlier scan
growth.NUMBER          the same per hour
worst.NUMBER, worst.change.NUMBER, worst.growth.NUMBER
                       of the host where it is highest
worst.orphan_percent   of that host's tcp_max_orphans
worst.mem_percent, worst.mem_pressure_percent
                       of the last and of the middle value of its tcp_mem
diagnosed.WORD         hosts of which that word of `diagnosis` holds
worst.diagnosis        the most severe of all: 0 ok, 1 notice, 2 warning, 3 critical
failed, failed_percent, read
                       hosts
new, gone, lost, recovered, rebooted
                       hosts since the earlier scan
duration_s             the scan itself
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from ..core.errors import UsageError
from ..core.record import record
from ..core.suggestion import nearest
from .diagnosis import Severity, Word
from .fleet import FleetSummary
from .host import HostSummary
from .numbers import TCP_NUMBERS, TcpNumbers

__all__ = ["KEYS", "Measure", "describe_unknown_key", "measure"]

_NAMED = 3
Number = int | float


@record
class Measure:
    """One number of a scan under one of the `KEYS`."""

    key: str
    value: Number | None
    """None where no host gave it, or without a comparison."""
    unit: str = ""
    """``%``, ``s``, or empty for a count."""
    most: Number | None = None
    """The largest possible value; None where it is unknown."""
    qualifier: str = ""
    """``at most`` for an upper bound (`HostSummary.is_bound`), ``about`` for the difference of two
    bounds, else empty."""
    hosts: Sequence[tuple[str, Number]] = ()
    """The few hosts where it is highest, the highest first."""
    names: Sequence[str] = ()
    """The hosts that it counts, where it counts hosts."""


def measure(key: str, summary: FleetSummary) -> Measure:
    """Compute the number of ``key``; raises UsageError, with a suggestion, for an unknown key."""
    if key not in _MEASURES:
        raise UsageError(describe_unknown_key(key))
    return _MEASURES[key](summary)


def describe_unknown_key(key: str) -> str:
    """Return the message for an unknown key: the nearest key, or else which kinds exist."""
    near = nearest(key, KEYS, cutoff=0.8) or nearest(key.replace("-", "_"), KEYS, cutoff=0.5)
    kinds = f"there are {', '.join(_KINDS)}, {', '.join(_COUNTED)}"
    return f"no KEY {key!r}; " + (kinds if near is None else f"did you mean {near}?")


def _tcp(name: str) -> Callable[[HostSummary], Number | None]:
    return lambda host: None if host.tcp is None else _at_least_zero(host.tcp, name)


def _change(name: str) -> Callable[[HostSummary], Number | None]:
    return lambda host: None if host.change is None else getattr(host.change, name)


def _growth(name: str) -> Callable[[HostSummary], Number | None]:
    return lambda host: None if host.change is None else host.change.rate_per_hour.get(name)


def _percent(part: int | None, whole: int | None) -> float | None:
    return round(100 * part / whole, 2) if part is not None and whole else None


def _orphan_percent(host: HostSummary) -> float | None:
    if host.tcp is None or host.kernel is None:
        return None
    return _percent(host.tcp.orphan, host.kernel.tcp_max_orphans)


def _mem_percent(which: int) -> Callable[[HostSummary], Number | None]:
    def percent(host: HostSummary) -> float | None:
        if host.tcp is None or host.kernel is None or host.kernel.tcp_mem is None:
            return None
        return _percent(host.tcp.mem_pages, host.kernel.tcp_mem[which])

    return percent


_PREFIXES: Mapping[str, Callable[[str], Callable[[HostSummary], Number | None]]] = {
    "": _tcp,
    "change.": _change,
    "growth.": _growth,
}
_OF_A_HOST: Mapping[str, Callable[[HostSummary], Number | None]] = {
    **{prefix + name: of(name) for prefix, of in _PREFIXES.items() for name in TCP_NUMBERS},
    "orphan_percent": _orphan_percent,
    "mem_percent": _mem_percent(2),
    "mem_pressure_percent": _mem_percent(1),
}
_COUNTED = ("failed", "failed_percent", "read", "new", "gone", "lost", "recovered", "rebooted")
_KINDS = (
    *("tcp_close (or another number of tcp)", "change.tcp_close", "growth.tcp_close"),
    *("worst.tcp_close", "worst.change.tcp_close", "worst.growth.tcp_close"),
    *("worst.orphan_percent", "worst.mem_percent", "worst.mem_pressure_percent", "duration_s"),
    *("diagnosed.held-closed (or another word)", "worst.diagnosis"),
)


def _highest(name: str, summary: FleetSummary) -> list[tuple[HostSummary, Number]]:
    """The few hosts where it is highest; of equal ones those that are ranked first."""
    value = _OF_A_HOST[name]
    given = ((host, value(host)) for host in summary.hosts)
    return heapq.nlargest(
        _NAMED, ((host, it) for host, it in given if it is not None), key=itemgetter(1)
    )


def _qualifier(name: str, hosts: Iterable[HostSummary]) -> str:
    if name == "tcp_close":
        return "at most" if any(host.is_bound for host in hosts) else ""
    if name in ("change.tcp_close", "growth.tcp_close"):
        return "about" if any(host.change and host.change.bound for host in hosts) else ""
    return ""


def _worst(name: str) -> Callable[[FleetSummary], Measure]:
    def found(summary: FleetSummary) -> Measure:
        highest = _highest(name, summary)
        return Measure(
            key=f"worst.{name}",
            value=highest[0][1] if highest else None,
            unit="%" if name.endswith("_percent") else "",
            qualifier=_qualifier(name, [host for host, _ in highest[:1]]),
            hosts=[(host.name, value) for host, value in highest],
        )

    return found


def _sum(name: str) -> Callable[[FleetSummary], Measure]:
    prefix, _, number = name.rpartition(".")

    def value(summary: FleetSummary) -> Number | None:
        change = summary.fleet.change
        if not prefix:
            return _at_least_zero(summary.fleet.totals, number)
        if change is None:
            return None
        if prefix == "change":
            difference: int | None = getattr(change, number)
            return difference
        return change.rate_per_hour.get(number)

    def found(summary: FleetSummary) -> Measure:
        return Measure(
            key=name,
            value=value(summary),
            qualifier=_qualifier(name, summary.hosts),
            hosts=[(host.name, it) for host, it in _highest(name, summary)],
        )

    return found


def _at_least_zero(numbers: TcpNumbers, name: str) -> int | None:
    """The number, with 0 for a negative one: the range of a level begins at 0, and a host's two
    files are not read at one instant (`arithmetic`). The JSON of a scan keeps the negative one."""
    value: int | None = getattr(numbers, name)
    return None if value is None else max(value, 0)


def _failed(summary: FleetSummary) -> Measure:
    return Measure(
        key="failed",
        value=summary.fleet.hosts.failed,
        most=summary.fleet.hosts.total,
        names=_failed_names(summary),
    )


def _failed_percent(summary: FleetSummary) -> Measure:
    hosts = summary.fleet.hosts
    return Measure(
        key="failed_percent",
        value=_percent(hosts.failed, hosts.total),
        unit="%",
        most=100,
        names=_failed_names(summary),
    )


def _failed_names(summary: FleetSummary) -> list[str]:
    return [host.name for host in summary.hosts if host.tcp is None]


def _read(summary: FleetSummary) -> Measure:
    hosts = summary.fleet.hosts
    return Measure(key="read", value=hosts.ok, most=hosts.total)


def _diagnosed(word: Word) -> Callable[[FleetSummary], Measure]:
    def found(summary: FleetSummary) -> Measure:
        names = [
            host.name for host in summary.hosts if any(one.word == word for one in host.diagnosis)
        ]
        return Measure(
            key=f"diagnosed.{word}",
            value=len(names),
            most=summary.fleet.hosts.total,
            names=names,
        )

    return found


_RANKS = {severity: rank for rank, severity in enumerate(reversed(Severity))}


def _worst_diagnosis(summary: FleetSummary) -> Measure:
    """The rank of the most severe diagnosis; None where no host has one."""
    first = [(host.name, host.diagnosis[0]) for host in summary.hosts if host.diagnosis]
    first.sort(key=lambda named: -_RANKS[named[1].severity])  # stable: the ranking remains
    return Measure(
        key="worst.diagnosis",
        value=_RANKS[first[0][1].severity] if first else None,
        most=max(_RANKS.values()),
        names=[f"{name} {one.word}" for name, one in first if _RANKS[one.severity]],
    )


def _since(key: str) -> Callable[[FleetSummary], Measure]:
    def found(summary: FleetSummary) -> Measure:
        change = summary.fleet.change
        names: Sequence[str] | None = None if change is None else getattr(change, key)
        return Measure(key=key, value=None if names is None else len(names), names=names or ())

    return found


def _duration(summary: FleetSummary) -> Measure:
    return Measure(key="duration_s", value=round(summary.scan.duration_s, 3), unit="s")


def _all() -> Iterator[tuple[str, Callable[[FleetSummary], Measure]]]:
    for prefix in _PREFIXES:
        for name in TCP_NUMBERS:
            yield prefix + name, _sum(prefix + name)
    for name in _OF_A_HOST:
        yield f"worst.{name}", _worst(name)
    yield from (("failed", _failed), ("failed_percent", _failed_percent), ("read", _read))
    for key in ("new", "gone", "lost", "recovered", "rebooted"):
        yield key, _since(key)
    for word in Word:
        yield f"diagnosed.{word}", _diagnosed(word)
    yield "worst.diagnosis", _worst_diagnosis
    yield "duration_s", _duration


_MEASURES: Mapping[str, Callable[[FleetSummary], Measure]] = dict(_all())
KEYS = tuple(_MEASURES)
"""Every name that `measure` takes."""

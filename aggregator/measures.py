"""The numbers of a scan by name, for levels: of the fleet, or of the host where it is highest.

NUMBER                 the fleet's sum: tcp_close, closed, orphan, alloc, tw, …
change.NUMBER          its change since an earlier scan
change_percent.NUMBER  the same, of the earlier value
growth.NUMBER          the change per hour
worst.NUMBER, worst.change.NUMBER, worst.growth.NUMBER
                       of the host where it is highest
worst.orphan_percent   of that host's tcp_max_orphans
worst.mem_percent, worst.mem_pressure_percent
                       of the last and of the middle value of its tcp_mem
apart.NUMBER, apart.growth.NUMBER
                       how many times the median of its group the number of a host is, at most
diagnosed.WORD         hosts of which that word of `diagnosis` holds
worst.diagnosis        the most severe of all: 0 ok, 1 notice, 2 warning, 3 critical
failed, failed_percent, read
                       hosts
new, gone, lost, recovered, rebooted
                       hosts since the earlier scan
duration_s, age_s      the scan itself, and the time since its end

From the scans of a store (``stored``), not from this one:

past.NUMBER            how many robust standard deviations a host is above its own past, at most
hours_to.tcp_mem, hours_to.orphans, hours_to.nofile
                       hours until a host meets that limit, at least
unread_scans           scans in a row in which a host was not read, at most
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter

from ..core.errors import UsageError
from ..core.record import record
from ..core.suggestion import nearest
from .diagnosis import Severity, Word
from .fleet import FleetSummary
from .group_median import times_of_median
from .host import HostSummary
from .host_numbers import (
    CHANGES,
    HOST_NUMBERS,
    Number,
    clip_negative,
    percent,
    qualify,
    rests_on_bound,
)
from .numbers import TCP_NUMBERS

__all__ = [
    "APART",
    "HOURS_TO",
    "KEYS",
    "RANKS",
    "STORED_KEYS",
    "Measure",
    "StoredNumbers",
    "describe_unknown_key",
    "measure",
]

_NAMED = 3
HOURS_TO = ("tcp_mem", "orphans", "nofile")
"""The limits of ``hours_to``: the last value of tcp_mem, tcp_max_orphans, the open files of
the process that holds most, or of the machine."""
APART = tuple(f"{prefix}{name}" for prefix in ("", "growth.") for name in TCP_NUMBERS)
"""The numbers of hosts that ``apart`` compares with their group."""

StoredNumbers = Mapping[str, Mapping[str, Number]]
"""The numbers of `STORED_KEYS` by KEY and host; a host that is missing has none."""


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


def measure(key: str, summary: FleetSummary, stored: StoredNumbers | None = None) -> Measure:
    """Compute the number of ``key``.

    ``stored`` has the numbers that one scan does not hold. Raises UsageError, with a suggestion,
    for an unknown key, and for one of `STORED_KEYS` without ``stored``.
    """
    if key in STORED_KEYS:
        if stored is None or key not in stored:
            raise UsageError(f"{key} is a number of the scans of a store, and there is none")
        return _measure_stored(key, summary, stored[key])
    if key not in _MEASURES:
        raise UsageError(describe_unknown_key(key))
    return _MEASURES[key](summary)


def describe_unknown_key(key: str) -> str:
    """Return the message for an unknown key: the nearest key, or else which kinds exist."""
    near = nearest(key, KEYS, cutoff=0.8) or nearest(key.replace("-", "_"), KEYS, cutoff=0.5)
    kinds = f"there are {', '.join(_KINDS)}, {', '.join(_COUNTED)}"
    return f"no KEY {key!r}; " + (kinds if near is None else f"did you mean {near}?")


_COUNTED = ("failed", "failed_percent", "read", "new", "gone", "lost", "recovered", "rebooted")
_KINDS = (
    *("tcp_close (or another number of tcp)", "change.tcp_close", "growth.tcp_close"),
    *("worst.tcp_close", "worst.change.tcp_close", "worst.growth.tcp_close"),
    *("worst.orphan_percent", "worst.mem_percent", "worst.mem_pressure_percent", "duration_s"),
    *("diagnosed.held-closed (or another word)", "worst.diagnosis", "age_s"),
    *("change_percent.tcp_close", "apart.tcp_close", "apart.growth.tcp_close", "past.tcp_close"),
    *("hours_to.tcp_mem", "hours_to.orphans", "hours_to.nofile", "unread_scans"),
)


def _highest(name: str, summary: FleetSummary) -> list[tuple[HostSummary, Number]]:
    """The few hosts where it is highest; of equal ones those that are ranked first."""
    value = HOST_NUMBERS[name]
    given = ((host, value(host)) for host in summary.hosts)
    return heapq.nlargest(
        _NAMED, ((host, it) for host, it in given if it is not None), key=itemgetter(1)
    )


def _qualifier(name: str, hosts: Iterable[HostSummary]) -> str:
    return qualify(name, is_bound=any(rests_on_bound(name, host) for host in hosts))


def _worst(name: str) -> Callable[[FleetSummary], Measure]:
    def found(summary: FleetSummary) -> Measure:
        highest = _highest(name, summary)
        return Measure(
            key=f"worst.{name}",
            value=highest[0][1] if highest else None,
            unit="%" if "percent" in name else "",
            qualifier=_qualifier(name, [host for host, _ in highest[:1]]),
            hosts=[(host.name, value) for host, value in highest],
        )

    return found


def _sum(name: str) -> Callable[[FleetSummary], Measure]:
    prefix, _, number = name.rpartition(".")

    def value(summary: FleetSummary) -> Number | None:
        change = summary.fleet.change
        if not prefix:
            return clip_negative(summary.fleet.totals, number)
        if change is None:
            return None
        difference: int | None = getattr(change, number)
        if prefix == "change":
            return difference
        if prefix == "change_percent":
            return _percent_of_earlier(number, difference, summary.hosts)
        return change.rate_per_hour.get(number)

    def found(summary: FleetSummary) -> Measure:
        return Measure(
            key=name,
            value=value(summary),
            unit="%" if prefix == "change_percent" else "",
            qualifier=_qualifier(name, summary.hosts),
            hosts=[(host.name, it) for host, it in _highest(name, summary)],
        )

    return found


def _percent_of_earlier(
    name: str, difference: int | None, hosts: Iterable[HostSummary]
) -> float | None:
    """The sum of the changes in percent of the earlier sum of the same hosts."""
    if difference is None:
        return None
    compared = [
        getattr(host.tcp, name)
        for host in hosts
        if host.change is not None and getattr(host.change, name) is not None
    ]
    return percent(difference, max(sum(compared) - difference, 1))


def _apart(name: str) -> Callable[[FleetSummary], Measure]:
    def found(summary: FleetSummary) -> Measure:
        return _rank(f"apart.{name}", times_of_median(name, summary.hosts))

    return found


def _measure_stored(key: str, summary: FleetSummary, numbers: Mapping[str, Number]) -> Measure:
    own = {host.name: numbers[host.name] for host in summary.hosts if host.name in numbers}
    return _rank(key, own, lowest_first=key.startswith("hours_to."))


def _rank(key: str, numbers: Mapping[str, Number], *, lowest_first: bool = False) -> Measure:
    """The number of the host where it is worst: highest, or lowest."""
    choose = heapq.nsmallest if lowest_first else heapq.nlargest
    worst = choose(_NAMED, numbers.items(), key=itemgetter(1))
    return Measure(key=key, value=worst[0][1] if worst else None, hosts=worst)


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
        value=percent(hosts.failed, hosts.total),
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


RANKS: Mapping[str, int] = {severity: rank for rank, severity in enumerate(reversed(Severity))}
"""The number of each severity of a diagnosis, in ``worst.diagnosis``."""


def _worst_diagnosis(summary: FleetSummary) -> Measure:
    """The rank of the most severe diagnosis; None where no host has one."""
    first = [(host.name, host.diagnosis[0]) for host in summary.hosts if host.diagnosis]
    first.sort(key=lambda named: -RANKS[named[1].severity])  # stable: the ranking remains
    return Measure(
        key="worst.diagnosis",
        value=RANKS[first[0][1].severity] if first else None,
        most=max(RANKS.values()),
        names=[f"{name} {one.word}" for name, one in first if RANKS[one.severity]],
    )


def _since(key: str) -> Callable[[FleetSummary], Measure]:
    def found(summary: FleetSummary) -> Measure:
        change = summary.fleet.change
        names: Sequence[str] | None = None if change is None else getattr(change, key)
        return Measure(key=key, value=None if names is None else len(names), names=names or ())

    return found


def _duration(summary: FleetSummary) -> Measure:
    return Measure(key="duration_s", value=round(summary.scan.duration_s, 3), unit="s")


def _age(summary: FleetSummary) -> Measure:
    """The time since the end of the scan, by the clock of this machine; 0 in the future."""
    age_s = (datetime.now(UTC) - summary.scan.finished_at).total_seconds()
    return Measure(key="age_s", value=round(max(age_s, 0.0), 3), unit="s")


def _all() -> Iterator[tuple[str, Callable[[FleetSummary], Measure]]]:
    for prefix in ("", *CHANGES):
        for name in TCP_NUMBERS:
            yield prefix + name, _sum(prefix + name)
    for name in HOST_NUMBERS:
        yield f"worst.{name}", _worst(name)
    for name in APART:
        yield f"apart.{name}", _apart(name)
    yield from (("failed", _failed), ("failed_percent", _failed_percent), ("read", _read))
    for key in ("new", "gone", "lost", "recovered", "rebooted"):
        yield key, _since(key)
    for word in Word:
        yield f"diagnosed.{word}", _diagnosed(word)
    yield "worst.diagnosis", _worst_diagnosis
    yield from (("duration_s", _duration), ("age_s", _age))


_MEASURES: Mapping[str, Callable[[FleetSummary], Measure]] = dict(_all())
STORED_KEYS = (
    *(f"past.{name}" for name in TCP_NUMBERS),
    *(f"hours_to.{name}" for name in HOURS_TO),
    "unread_scans",
)
"""The names of numbers that only the scans of a store give."""
KEYS = (*_MEASURES, *STORED_KEYS)
"""Every name that `measure` takes."""

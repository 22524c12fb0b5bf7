"""The whole fleet: totals, distribution, groups, failures, ranking.

The fields have the names and shapes of the JSON of a scan.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from operator import attrgetter
from typing import TypeAlias

from ..core.errors import UsageError
from ..core.record import record
from ..core.suggestion import suggest
from .change import FleetChange
from .grouping import group_levels
from .host import HostSummary
from .numbers import TCP_NUMBERS, TcpNumbers, tcp_values
from .shards import Shards

__all__ = [
    "DISTRIBUTED",
    "SORT_KEYS",
    "Distribution",
    "Fleet",
    "FleetSummary",
    "GroupSummary",
    "HostCounts",
    "SameMachine",
    "ScanInfo",
    "distribution",
    "sum_up",
    "summarize_fleet",
]

DISTRIBUTED = ("tcp_close", "closed")
"""The numbers that have a distribution."""
SORT_KEYS = (*reversed(TCP_NUMBERS), "sockets_used", "elapsed_s", "name")
"""The keys that ``--sort`` takes: numbers sort from the largest down, names from A on."""


@record
class ScanInfo:
    """The run that gave a summary."""

    id: str
    started_at: datetime
    """With its time zone, like ``finished_at``."""
    finished_at: datetime
    duration_s: float
    complete: bool
    """False when the run ended before every host was tried."""
    inventory: tuple[str, ...] = ()
    """The sources as the user named them."""
    limit: str | None = None
    shards: Shards | None = None
    """The parts of the fleet that it holds under ``--shard``; None: the whole fleet."""
    sort: str = "tcp_close"
    round: int | None = None
    """Of `scan --repeat`, from 1 on."""
    group_by: str | None = None
    """None: the groups are those of the inventory."""
    merged: tuple[str, ...] = ()
    """The ids of the scans that it was merged from; empty where it was not merged."""


@record
class HostCounts:
    """How many hosts were tried, read and failed."""

    total: int
    ok: int
    failed: int


@record
class Distribution:
    """How one number is distributed over the hosts that gave it; all None where none did.

    Percentiles are nearest-rank: the smallest value that at least that share of the hosts does
    not exceed. It is always the value of some host.
    """

    min: int | None = None
    p50: int | None = None
    p90: int | None = None
    p99: int | None = None
    max: int | None = None
    mean: float | None = None
    """Rounded to three decimals."""


@record
class GroupSummary:
    """The hosts of one group; a host of several groups counts in each."""

    hosts: HostCounts
    totals: TcpNumbers
    """Sums over the hosts that gave the number; None where none did. A number below 0 counts as 0,
    so that no host whose counters went wrong takes from the sum of the others."""
    distribution: Mapping[str, Distribution]
    """By the names of `DISTRIBUTED`."""


@record
class SameMachine:
    """Hosts of the inventory that gave one boot id: names of one machine, counted once each."""

    boot_id: str
    hosts: tuple[str, ...]


@record
class Fleet(GroupSummary):
    """All hosts of the scan."""

    failures: Mapping[str, int]
    """Failed hosts by category, the most frequent first."""
    diagnoses: Mapping[str, int] = field(default_factory=dict)
    """Hosts that were read by the first word of their diagnosis, the most frequent first."""
    same_machine: tuple[SameMachine, ...] = ()
    warnings: tuple[str, ...] = ()
    """Warnings of the run itself, each a complete sentence."""
    change: FleetChange | None = None
    """The change since an earlier scan; None without a comparison."""


@record
class FleetSummary:
    """One scan, summed up and ranked; every output renders it."""

    scan: ScanInfo
    fleet: Fleet
    groups: Mapping[str, GroupSummary] = field(default_factory=dict)
    """By name, sorted."""
    hosts: tuple[HostSummary, ...] = ()
    """Ranked; the failed ones last, by name."""

    def ranked(self) -> Iterator[tuple[int | None, HostSummary]]:
        """Yield each host with its rank: from 1 on, None for the failed ones."""
        for rank, host in enumerate(self.hosts, 1):
            yield rank if host.tcp is not None else None, host


def summarize_fleet(
    hosts: Iterable[HostSummary],
    scan: ScanInfo,
    *,
    group_by: str | None = None,
    sort: str = "tcp_close",
    children: Mapping[str, Sequence[str]] | None = None,
    variables: Collection[str] = (),
    warnings: Sequence[str] = (),
) -> FleetSummary:
    """Sum up and rank the hosts of one scan.

    ``children`` maps each group to its direct children, which ``group_by`` takes as levels;
    ``variables`` are names that ``group_by`` accepts although none of these hosts has them.
    Raises UsageError for an unknown ``sort`` or ``group_by``.
    """
    if sort not in SORT_KEYS:
        raise UsageError(f"no key {sort!r} to sort by{suggest(sort, SORT_KEYS)}")
    every_host = list(hosts)
    if group_by is not None:
        levels = group_levels(group_by, every_host, children or {}, variables)
        every_host = [replace(host, levels=levels(host)) for host in every_host]
    return assemble(every_host, replace(scan, sort=sort, group_by=group_by), warnings)


def assemble(hosts: Iterable[HostSummary], scan: ScanInfo, warnings: Sequence[str]) -> FleetSummary:
    """Sum up and rank hosts whose levels already follow ``scan.group_by``."""
    ranked = _rank(hosts, scan.sort)
    rows: list[_Row | None] = []
    members = defaultdict[str, list[_Row | None]](list)
    failures, diagnoses = Counter[str](), Counter[str]()
    # One pass, as 100,000 hosts do not fit the processor's caches.
    for host in ranked:
        row = None if host.tcp is None else tcp_values(host.tcp)
        rows.append(row)
        for group in host.groups if scan.group_by is None else host.levels or ():
            members[group].append(row)
        if host.error is not None:
            failures[host.error.category] += 1
        if host.diagnosis:
            diagnoses[host.diagnosis[0].word] += 1
    whole = _group(rows)
    return FleetSummary(
        scan=scan,
        fleet=Fleet(
            hosts=whole.hosts,
            totals=whole.totals,
            distribution=whole.distribution,
            failures=_most_frequent_first(failures),
            diagnoses=_most_frequent_first(diagnoses),
            same_machine=_same_machine(ranked),
            warnings=tuple(dict.fromkeys(warnings)),
        ),
        groups={name: _group(members[name]) for name in sorted(members)},
        hosts=tuple(ranked),
    )


def _most_frequent_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def distribution(values: Sequence[int]) -> Distribution:
    """Compute the distribution of these values, which may come in any order."""
    if not values:
        return Distribution()
    ascending = sorted(values)

    def nearest_rank(percent: int) -> int:
        return ascending[(percent * len(ascending) + 99) // 100 - 1]

    return Distribution(
        min=ascending[0],
        p50=nearest_rank(50),
        p90=nearest_rank(90),
        p99=nearest_rank(99),
        max=ascending[-1],
        mean=round(sum(ascending) / len(ascending), 3),
    )


_Row: TypeAlias = tuple[int | None, ...]


def _group(rows: Sequence[_Row | None]) -> GroupSummary:
    """Sum up a group. A row has the `TCP_NUMBERS` of a host; it is None for a failed one."""
    read = [row for row in rows if row is not None]
    columns = zip(*read, strict=True) if read else ((),) * len(TCP_NUMBERS)
    given = {
        name: column if None not in column else [value for value in column if value is not None]
        for name, column in zip(TCP_NUMBERS, columns, strict=True)
    }
    return GroupSummary(
        hosts=HostCounts(total=len(rows), ok=len(read), failed=len(rows) - len(read)),
        totals=TcpNumbers(**{name: sum_up(values) for name, values in given.items()}),
        distribution={name: distribution(given[name]) for name in DISTRIBUTED},
    )


def sum_up(values: Collection[int]) -> int | None:
    """The sum over several hosts, in which a number below 0 counts as 0; None over none."""
    return sum(value for value in values if value > 0) if values else None


def _rank(hosts: Iterable[HostSummary], sort: str) -> list[HostSummary]:
    """Sort hosts by the key: those without it come next, failed ones last; ties by name."""
    by_name = sorted(hosts, key=attrgetter("name"))
    read = [host for host in by_name if host.tcp is not None]
    failed = [host for host in by_name if host.tcp is None]
    if sort != "name":
        value = attrgetter(f"tcp.{sort}" if sort in TCP_NUMBERS else sort)
        without = [host for host in read if value(host) is None]
        having = [host for host in read if value(host) is not None]
        # The sort is stable: equal values stay in the order of the names.
        read = sorted(having, key=value, reverse=True) + without
    return read + failed


def _same_machine(hosts: Sequence[HostSummary]) -> tuple[SameMachine, ...]:
    first: dict[str, HostSummary] = {}
    names: dict[str, list[str]] = {}
    for host in hosts:
        if host.kernel is None or (boot_id := host.kernel.boot_id) is None:
            continue
        other = first.setdefault(boot_id, host)
        if other is not host:
            names.setdefault(boot_id, [other.name]).append(host.name)
    shared = [
        SameMachine(boot_id=boot_id, hosts=tuple(sorted(found))) for boot_id, found in names.items()
    ]
    return tuple(sorted(shared, key=attrgetter("hosts")))

"""The whole fleet: totals, distribution, groups, failures, ranking.

The fields are those of the JSON of a scan, by name and shape.
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
    "summarize_fleet",
]

DISTRIBUTED = ("tcp_close", "closed")
"""The numbers that have a distribution."""
SORT_KEYS = (*reversed(TCP_NUMBERS), "sockets_used", "elapsed_s", "name")
"""What ``--sort`` takes: numbers from the largest down, names from A on."""


@record
class ScanInfo:
    """The run that a summary comes from."""

    id: str
    started_at: datetime
    """With its time zone, like ``finished_at``."""
    finished_at: datetime
    duration_s: float
    complete: bool
    """False when the run was ended before every host had its turn."""
    inventory: tuple[str, ...] = ()
    """The sources as the user named them."""
    limit: str | None = None
    shards: Shards | None = None
    """The parts that it holds of what ``--shard`` split; None: it is the whole."""
    sort: str = "tcp_close"
    round: int | None = None
    """Of `scan --repeat`, from 1 on."""
    group_by: str | None = None
    """None: the groups are those of the inventory."""


@record
class HostCounts:
    """How many hosts were asked, and how that went."""

    total: int
    ok: int
    failed: int


@record
class Distribution:
    """How one number is spread over the hosts that gave it; all None where none did.

    Percentiles are nearest-rank: the smallest value that at least that share of the hosts does
    not exceed, so always one that some host has.
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
    """Plain sums over the hosts that were read and gave the number; None over none."""
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
    """What the run has to tell apart from its hosts, each complete as it stands."""
    change: FleetChange | None = None
    """Since an earlier scan; None where there was none to compare with."""


@record
class FleetSummary:
    """One scan, summed up and ranked: what every output renders."""

    scan: ScanInfo
    fleet: Fleet
    groups: Mapping[str, GroupSummary] = field(default_factory=dict)
    """By name, sorted."""
    hosts: tuple[HostSummary, ...] = ()
    """In the order of the ranking; the failed ones last, by name."""

    def ranked(self) -> Iterator[tuple[int | None, HostSummary]]:
        """Each host with its rank: from 1 on, None for the failed ones."""
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

    ``children`` is each group's direct children, which ``group_by`` needs to find a group's level;
    ``variables`` are names that hosts elsewhere have, so that none of these here needs to.
    Raises UsageError for an unknown ``sort`` or ``group_by``.
    """
    if sort not in SORT_KEYS:
        raise UsageError(f"--sort {sort!r}: there are {', '.join(SORT_KEYS)}")
    everyone = list(hosts)
    if group_by is not None:
        levels = group_levels(group_by, everyone, children or {}, variables)
        everyone = [replace(host, levels=levels(host)) for host in everyone]
    return assemble(everyone, replace(scan, sort=sort, group_by=group_by), warnings)


def assemble(hosts: Iterable[HostSummary], scan: ScanInfo, warnings: Sequence[str]) -> FleetSummary:
    """The summary of hosts whose levels are already set as ``scan`` says."""
    ranked = _ranked(hosts, scan.sort)
    rows: list[_Row | None] = []
    members = defaultdict[str, list[_Row | None]](list)
    failures, diagnoses = Counter[str](), Counter[str]()
    # One pass: each touches every host anew, and what 100,000 of them take is in no cache.
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
    """The distribution of these values, in any order."""
    if not values:
        return Distribution()
    low_up = sorted(values)

    def nearest_rank(percent: int) -> int:
        return low_up[(percent * len(low_up) + 99) // 100 - 1]

    return Distribution(
        min=low_up[0],
        p50=nearest_rank(50),
        p90=nearest_rank(90),
        p99=nearest_rank(99),
        max=low_up[-1],
        mean=round(sum(low_up) / len(low_up), 3),
    )


_Row: TypeAlias = tuple[int | None, ...]


def _group(rows: Sequence[_Row | None]) -> GroupSummary:
    """Of each host its `TCP_NUMBERS`; None for one that failed."""
    read = [row for row in rows if row is not None]
    columns = zip(*read, strict=True) if read else ((),) * len(TCP_NUMBERS)
    given = {
        name: column if None not in column else [value for value in column if value is not None]
        for name, column in zip(TCP_NUMBERS, columns, strict=True)
    }
    return GroupSummary(
        hosts=HostCounts(total=len(rows), ok=len(read), failed=len(rows) - len(read)),
        totals=TcpNumbers(**{n: sum(values) if values else None for n, values in given.items()}),
        distribution={name: distribution(given[name]) for name in DISTRIBUTED},
    )


def _ranked(hosts: Iterable[HostSummary], sort: str) -> list[HostSummary]:
    """Read hosts by the sort key, those without it next, failed ones last; ties by name."""
    by_name = sorted(hosts, key=attrgetter("name"))
    read = [host for host in by_name if host.tcp is not None]
    failed = [host for host in by_name if host.tcp is None]
    if sort != "name":
        value = attrgetter(f"tcp.{sort}" if sort in TCP_NUMBERS else sort)
        without = [host for host in read if value(host) is None]
        having = [host for host in read if value(host) is not None]
        # A stable sort, so that equal values stay in the order of the names.
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

"""Make the report of a fleet from its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.record import record
from ...core.text import escape
from ...inventory.models import Inventory
from ..host_selection import select_hosts
from ..moments import format_moment
from ..series import SeriesBlock
from ..store.database.connection import Store
from ..store.subjects import read_hosts
from ..trends.classify import Kind
from ..trends.findings import Finding, find_trends
from ..window import read_window
from .distribution import count_bins
from .division import divide_hosts
from .evidence import add_evidence
from .holders import find_details
from .last_scans import LastScans, last_of_block, read_last_scans
from .leaks import describe_leak, find_limits
from .model import (
    Course,
    FleetReport,
    GroupLine,
    GrowingNamespace,
    HostLine,
    Leak,
    State,
    Step,
)
from .odd_ones import find_apart_hosts, find_growing_namespaces
from .readings import METRIC, Readings, add_up, number_or_none
from .stored import read_numbers_at

__all__ = ["MOST_LINES", "Wishes", "build_report", "make_report"]

MOST_LINES = 2000
_LARGEST_LINES = 1000
_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S

Numbers = NDArray[np.float64]


@record
class Wishes:
    """What a report is to be of."""

    since: datetime
    until: datetime
    against: datetime | None = None
    """The time from whose last scan changes count; None: the first scan of the time."""
    baseline: Mapping[str, float] | None = None
    """The numbers of the hosts at ``against``, where its scan is not in the store."""
    pattern: str | None = None
    """Ansible's pattern of hosts; None: every host."""
    group_by: str | None = None
    """What the last scan was grouped by (``scan --group-by``), else a group or a variable of the
    inventory; None: the fleet is divided by its largest groups."""
    read_inventory: Callable[[], Inventory] | None = None
    """Reads the inventory of ``group_by``, if the scans do not carry what it names."""
    title: str | None = None
    limit_at: float | None = None
    """A limit of the number that every host has."""
    is_made: bool = False
    next_command: Callable[[str, Sequence[str]], str | None] | None = None
    """From a host and the inventories of the scans to the command to type next."""


def build_report(
    store: Store, wishes: Wishes, *, source: str | None = None
) -> tuple[FleetReport, tuple[str, ...]]:
    """Return the report, and notes on parts of the pattern that match nothing.

    Every leak in it is new; `mailed.mark_known` knows better. ``source`` is where the scans are
    from, for the report's readers. Raises UsageError where no scan or no host is of that time, and
    StoreError.
    """
    facts = read_hosts(store)
    hosts, notes = None, tuple[str, ...]()
    if wishes.pattern is not None:
        selection = select_hosts(facts, wishes.pattern, str(store.location))
        hosts, notes = frozenset(selection.hosts), selection.notes
    since, until = wishes.since, wishes.until
    block = read_window(store, METRIC, since, until, hosts)
    if not len(block.times) or not block.hosts:
        raise UsageError(
            f"{source or store.location} has no scan from {format_moment(since)} to "
            f"{format_moment(until)}: sockfleet scan --save saves one"
        )
    last = read_last_scans(store, since, until)
    if not last.scans:  # pruned, and the hours are kept for longer
        last = last_of_block(block)
    last = add_evidence(store, last, since, until)
    if wishes.baseline is None and wishes.against is not None and wishes.against < since:
        against, baseline = read_numbers_at(store, wishes.against)
        wishes = replace(wishes, against=against, baseline=baseline)
    groups = {name: each.groups for name, each in facts.items()}

    def find_namespaces(leaking: Collection[str]) -> tuple[GrowingNamespace, ...]:
        return find_growing_namespaces(store, since, until, leaking)

    report = make_report(
        block, last, groups, wishes, source=source, find_namespaces=find_namespaces
    )
    return report, notes


def make_report(
    block: SeriesBlock,
    last: LastScans,
    groups: Mapping[str, tuple[str, ...]],
    wishes: Wishes,
    *,
    source: str | None = None,
    find_namespaces: Callable[[Collection[str]], tuple[GrowingNamespace, ...]] | None = None,
) -> FleetReport:
    """Return the report of these readings, as `build_report` does.

    ``find_namespaces`` finds the containers and units that grow of the hosts that leak.
    """
    own = {name: groups.get(name, ()) for name in block.hosts}
    readings = Readings(block, last, own)
    report = _Builder(readings, wishes).build(source)
    if find_namespaces is None:
        return report
    leaking = [line.name for line in report.lines if line.state in {State.LEAK, State.SAWTOOTH}]
    return replace(report, growing_namespaces=find_namespaces(leaking))


class _Builder:
    """The parts of a report that follow from its trends."""

    def __init__(self, readings: Readings, wishes: Wishes) -> None:
        self._readings, self._wishes = readings, wishes
        self._inventories = tuple(
            dict.fromkeys(each for row in readings.last.scans for each in row.inventory)
        )
        limits = {
            name: find_limits(readings.last.hosts.get(name), wishes.limit_at)
            for name in readings.block.hosts
        }
        self._findings = find_trends(readings.block, limits=limits, groups=readings.groups)
        self._before = readings.values_before(wishes.against, wishes.baseline)
        self._day_before = readings.values_at(readings.column_at(readings.end - _DAY_S))

    def build(self, source: str | None) -> FleetReport:
        """The whole report."""
        readings, last = self._readings, self._readings.last
        selected = [host for name, host in last.hosts.items() if name in readings.row]
        divided = divide_hosts(readings, self._wishes.group_by, self._wishes.read_inventory)
        leaks = self._leaks(divided)
        lines = self._lines(divided)
        counts = Counter(line.state for line in lines)
        compared_at, compared = self._compared()
        return FleetReport(
            # The command line may hold any bytes; all other texts are those of scans, and clean.
            title=escape(self._wishes.title or _title(self._inventories, self._wishes.pattern)),
            store=None if source is None else escape(source),
            since=readings.start,
            until=readings.end,
            against=self._against(),
            scans=len(readings.block.times),
            missing_scans=readings.count_missing(),
            hosts=len(selected),
            hosts_read=sum(host.tcp is not None for host in selected),
            tcp_close=add_up(readings.now),
            tcp_close_change=add_up(readings.now - self._before),
            is_made=self._wishes.is_made,
            leaks=leaks,
            new_leaks=len(leaks),
            known_since=None,
            steps=self._steps(),
            growing_namespaces=(),
            apart=find_apart_hosts(self._findings),
            recovered=tuple(
                finding.host for finding in self._findings if finding.kind is Kind.RECOVERED
            ),
            rebooted=readings.rebooted(),
            appeared=readings.appeared(),
            disappeared=readings.disappeared(),
            failed=readings.failed(),
            group_by=None if self._wishes.group_by is None else escape(self._wishes.group_by),
            groups=self._group_lines(divided, {leak.host for leak in leaks}),
            distribution=count_bins(readings.now, compared),
            distribution_before=compared_at,
            lines=_bound(lines),
            details=find_details(selected),
            counts=tuple((state, counts[state]) for state in State if counts[state]),
        )

    def _against(self) -> float:
        readings, at = self._readings, self._wishes.against
        if at is None:
            return readings.start
        if self._wishes.baseline is not None:
            return at.timestamp()
        return float(readings.block.times[readings.column_at(at.timestamp()) or 0])

    def _compared(self) -> tuple[float | None, Numbers | None]:
        """The earlier time of the distribution, a week ago if no other is wished, and its numbers.

        None where no scan is as old.
        """
        if self._wishes.against is not None:
            return self._against(), self._before
        column = self._readings.column_at(self._readings.end - _WEEK_S)
        if column is None:
            return None, None
        return float(self._readings.block.times[column]), self._readings.values_at(column)

    def _leaks(self, divided: Mapping[str, str]) -> tuple[Leak, ...]:
        readings = self._readings
        growth = add_up(readings.now - readings.values_at(0)) or 0.0
        command = self._wishes.next_command
        leaks = [
            describe_leak(
                finding,
                readings,
                groups=self._groups_of(finding.host, divided),
                fleet_growth=growth,
                next_command=None if command is None else command(finding.host, self._inventories),
            )
            for finding in self._findings
            if finding.kind is Kind.LEAK and finding.rate is not None
        ]

        def urgency(leak: Leak) -> tuple[float, float]:
            hours = float("inf") if leak.forecast is None else leak.forecast.hours
            return hours, -leak.rate

        return tuple(sorted(leaks, key=urgency))

    def _steps(self) -> tuple[Step, ...]:
        steps = [
            Step(host=finding.host, at=float(finding.begin), by=float(finding.growth))
            for finding in self._findings
            if finding.kind is Kind.STEP
            and finding.begin is not None
            and finding.growth is not None
        ]
        return tuple(sorted(steps, key=lambda step: -step.at))

    def _group_lines(self, divided: Mapping[str, str], leaking: set[str]) -> tuple[GroupLine, ...]:
        members: dict[str, list[int]] = {}
        for name, row in self._readings.row.items():
            members.setdefault(divided[name], []).append(row)
        lines = []
        for group, rows in members.items():
            chosen = np.array(rows, np.intp)
            lines.append(
                GroupLine(
                    name=group,
                    hosts=len(rows),
                    tcp_close=add_up(self._readings.now[chosen]),
                    change=add_up(self._readings.now[chosen] - self._before[chosen]),
                    leaks=sum(self._readings.block.hosts[row] in leaking for row in rows),
                    course=self._readings.grid.sum(chosen),
                )
            )
        return tuple(sorted(lines, key=lambda line: (-(line.tcp_close or 0.0), line.name)))

    def _lines(self, divided: Mapping[str, str]) -> list[HostLine]:
        courses = self._readings.grid.small_courses()
        lines = [
            self._line(finding, divided, course)
            for finding, course in zip(self._findings, courses, strict=True)
        ]
        order = {state: number for number, state in enumerate(State)}
        return sorted(
            lines, key=lambda line: (order[line.state], -(line.tcp_close or 0), line.name)
        )

    def _groups_of(self, host: str, divided: Mapping[str, str]) -> tuple[str, ...]:
        """The groups of a host, the one that it counts in first."""
        first = divided[host]
        return (first, *(each for each in self._readings.groups[host] if each != first))

    def _line(self, finding: Finding, divided: Mapping[str, str], course: Course) -> HostLine:
        row = self._readings.row[finding.host]
        state = State(finding.kind.value)
        is_calm = finding.kind in {Kind.NORMAL, Kind.TOO_EARLY, Kind.RESTARTED}
        if is_calm and finding.host in self._readings.last.failures:
            state = State.FAILED
        now = self._readings.now[row]
        return HostLine(
            name=finding.host,
            groups=self._groups_of(finding.host, divided),
            state=state,
            tcp_close=number_or_none(now),
            day_change=number_or_none(now - self._day_before[row]),
            change=number_or_none(now - self._before[row]),
            rate=None if finding.rate is None else finding.rate.per_hour,
            since=finding.begin,
            restarts=finding.restarts,
            course=course,
        )


def _bound(lines: list[HostLine]) -> tuple[HostLine, ...]:
    """Of more than `MOST_LINES`: the first as many that are not normal, and the largest hosts."""
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    odd = [line for line in lines if line.state is not State.NORMAL][:MOST_LINES]
    largest = sorted(lines, key=lambda line: -(line.tcp_close or 0.0))[:_LARGEST_LINES]
    kept = {line.name for line in (*odd, *largest)}
    return tuple(line for line in lines if line.name in kept)


def _title(inventories: tuple[str, ...], pattern: str | None) -> str:
    names = ", ".join(inventories[:3]) or "fleet"
    return names if pattern is None else f"{pattern} of {names}"

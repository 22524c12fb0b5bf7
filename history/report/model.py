"""The values of a report; `build` makes them from the store, output/ renders them."""

from __future__ import annotations

from enum import StrEnum

from ...core.record import record

__all__ = [
    "ApartHost",
    "Bin",
    "Course",
    "FailedHost",
    "FleetReport",
    "Forecast",
    "GroupLine",
    "GrowingNamespace",
    "Holder",
    "HostDetail",
    "HostLine",
    "Leak",
    "NamespaceLine",
    "State",
    "Step",
]


class State(StrEnum):
    """What a host's numbers did, the most urgent first."""

    LEAK = "leak"
    """It grows steadily and still does."""
    SAWTOOTH = "sawtooth"
    """It grows and is restarted in time: a leak that restarts hide."""
    STEP = "step"
    """A new level that stayed."""
    RECOVERED = "recovered"
    """It leaked in this time, and is back at its level."""
    RESTARTED = "restarted"
    """It rebooted or its processes restarted, and nothing else changed."""
    TOO_EARLY = "too-early"
    """There are not enough scans of it to say."""
    FAILED = "failed"
    """The last scan did not read it."""
    NORMAL = "normal"


@record
class Course:
    """One number over the time of the report, at equal distances; None where nothing was read."""

    start: float
    """Unix time of the first value, in seconds."""
    step: float
    """Seconds from one value to the next."""
    values: tuple[float | None, ...]


@record
class Forecast:
    """When a growing number meets a limit."""

    limit: str
    """The limit in words: ``open files of php (123)``, ``the given limit``."""
    limit_at: float
    """The value of the number at which it is met."""
    hours: float
    earliest_hours: float
    latest_hours: float | None
    """None: perhaps never."""


@record
class Holder:
    """A process that holds closed sockets."""

    command: str
    user: str | None
    container: str | None
    tcp_close: int
    open_files: int | None = None
    open_files_limit: int | None = None


@record
class Leak:
    """One host that leaks."""

    host: str
    groups: tuple[str, ...]
    since: float | None
    """Unix time of the first scan that grew; None: before the first scan of this time."""
    now: float
    rate: float
    """Sockets an hour."""
    rate_low: float
    rate_high: float
    forecast: Forecast | None
    """None: no limit is known, or it is met in more than a year."""
    course: Course
    fitted: tuple[float, float, float, float] | None
    """The line of the rate: its first time and value, its last time and value."""
    holders: tuple[Holder, ...] | None
    """None: the processes were not read."""
    share: float | None
    """Which part of the fleet's growth is this host's; None where the fleet did not grow."""
    is_new: bool
    """Whether no earlier mail named it."""
    next: str | None
    """The command to type next; None: the inventory of the scans is not known."""


@record
class Step:
    """A jump to a new level."""

    host: str
    at: float
    by: float


@record
class GrowingNamespace:
    """A container, pod or unit of a host that leaks."""

    host: str
    name: str
    tcp_close_max: float | None
    """An upper bound of its closed sockets."""
    rate: float
    """Sockets an hour."""
    since: float | None
    """Unix time; None: before the first scan of this time."""


@record
class ApartHost:
    """A host that holds far more than its group does."""

    host: str
    group: str
    tcp_close: float
    median: float
    """Of the group."""


@record
class FailedHost:
    """A host that the last scan did not read."""

    host: str
    category: str
    message: str
    since: float | None
    """Unix time of the last scan that read it; None: none in this time."""
    read_share: float
    """Which part of this time's scans read it, 0 to 1."""


@record
class GroupLine:
    """One group of hosts."""

    name: str
    hosts: int
    tcp_close: float | None
    change: float | None
    leaks: int
    course: Course


@record
class Bin:
    """How many hosts hold how many closed sockets."""

    label: str
    hosts: int
    hosts_before: int | None
    """At the earlier time; None where there was no scan then."""


@record
class NamespaceLine:
    """One network namespace of a host."""

    name: str
    """The container, or the process in it; ``host`` for the host's own."""
    inuse: int
    """Sockets in use, IPv4 and IPv6."""
    tcp_close_max: int | None
    """An upper bound of its closed sockets."""


@record
class HostDetail:
    """Where a host's closed sockets are, as the last scan read it."""

    host: str
    tcp_close: int | None
    namespaces: tuple[NamespaceLine, ...]
    """The largest ones; empty where they were not read."""
    more_namespaces: int
    holders: tuple[Holder, ...]
    """The processes with the most sockets; empty where they were not read."""
    more_holders: int


@record
class HostLine:
    """One host in the table of all hosts."""

    name: str
    groups: tuple[str, ...]
    state: State
    tcp_close: float | None
    day_change: float | None
    """Since a day before."""
    change: float | None
    """Since `FleetReport.against`."""
    rate: float | None
    since: float | None
    restarts: int
    course: Course


@record
class FleetReport:
    """A fleet over some time, up to its last scan."""

    title: str
    store: str | None
    """Where its scans are kept; None: they were read from files."""
    since: float
    """Unix time of its first scan, ``until`` of its last one."""
    until: float
    against: float
    """Unix time of the scan from which changes count."""
    scans: int
    missing_scans: int
    hosts: int
    hosts_read: int
    tcp_close: float | None
    tcp_close_change: float | None
    is_made: bool
    """Whether the scans before the last one were made up for a demonstration."""
    leaks: tuple[Leak, ...]
    """Ranked by when they meet their limit, then by rate."""
    new_leaks: int
    known_since: float | None
    """Unix time of the first mail that named a leak that still goes on; None: no mail did."""
    steps: tuple[Step, ...]
    growing_namespaces: tuple[GrowingNamespace, ...]
    """Of the hosts that leak, the fastest first."""
    apart: tuple[ApartHost, ...]
    """The farthest first."""
    recovered: tuple[str, ...]
    rebooted: tuple[str, ...]
    appeared: tuple[str, ...]
    disappeared: tuple[str, ...]
    failed: tuple[FailedHost, ...]
    group_by: str | None
    """What divides the fleet into ``groups``; None: its largest groups."""
    groups: tuple[GroupLine, ...]
    distribution: tuple[Bin, ...]
    distribution_before: float | None
    """Unix time of the earlier distribution; None where there is none."""
    lines: tuple[HostLine, ...]
    """Every host; above `MOST_LINES` as many that are not normal, and the thousand largest."""
    details: tuple[HostDetail, ...]
    """Of hosts whose namespaces or processes were read, those with the most closed sockets."""
    counts: tuple[tuple[State, int], ...]
    """How many hosts are in each state that occurs."""

"""Changes since an earlier scan, as the JSON of a scan shows them; `comparison` computes them.

The fields have the names and shapes of ``hosts[].change`` and ``fleet.change`` in the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from ..core.record import record
from .numbers import TcpNumbers

__all__ = [
    "NAMESPACE_NUMBERS",
    "Against",
    "FleetChange",
    "HostChange",
    "NamespaceChange",
    "NamespaceStatus",
    "Since",
]


class Since(StrEnum):
    """The state of a host in this scan against the earlier one."""

    COMPARED = "compared"
    """Read in both, without a reboot in between: the only status with differences."""
    REBOOTED = "rebooted"
    """Read in both, with different boot ids: the counters started again from 0."""
    RECOVERED = "recovered"
    """Failed in the earlier scan, read in this one."""
    LOST = "lost"
    """Read in the earlier scan, failed in this one."""
    STILL_FAILED = "still-failed"
    NEW = "new"
    """Not in the earlier scan."""


class NamespaceStatus(StrEnum):
    """The state of a network namespace in this scan against the earlier one."""

    COMPARED = "compared"
    NEW = "new"
    GONE = "gone"


@record
class NamespaceChange:
    """One network namespace of a host that did not reboot in between."""

    inode: int
    status: NamespaceStatus
    inuse: int | None = None
    """This scan minus the earlier one, like all numbers here; None where either is unknown."""
    inuse6: int | None = None
    tw: int | None = None
    used: int | None = None
    tcp_close_max: int | None = None
    """The difference of two upper bounds, which is not a bound."""
    rate_per_hour: Mapping[str, float | None] = field(default_factory=dict)
    """The same numbers by name, per hour."""


NAMESPACE_NUMBERS = ("inuse", "inuse6", "tw", "used", "tcp_close_max")
"""The numbers of `NamespaceChange`, in the order of the JSON."""


@record
class HostChange(TcpNumbers):
    """One host's numbers minus those of the earlier scan; None where the two cannot be compared."""

    status: Since
    bound: bool = False
    """Whether ``tcp_close`` is the difference of two upper bounds: it then includes sockets that
    other network namespaces opened or closed in between."""
    rate_per_hour: Mapping[str, float | None] = field(default_factory=dict)
    """The same numbers by name, per hour between the starts of the two scans; empty where the two
    cannot be compared."""
    namespaces: tuple[NamespaceChange, ...] | None = None
    """None where either scan did not read them, or the status is not ``compared``."""


@record
class Against:
    """The earlier scan."""

    id: str
    started_at: datetime
    elapsed_s: float
    """From its start to the start of this scan; the rates are computed from it."""


@record
class FleetChange(TcpNumbers):
    """The sums of the changes of the ``compared`` hosts, and the names of the others by status.

    Not the difference of the two scans' totals: in it, a host that failed would look like sockets
    that were closed.
    """

    against: Against
    compared: int
    """How many hosts the sums cover."""
    bound: bool = False
    """Whether the change of any host is a difference of bounds."""
    rate_per_hour: Mapping[str, float | None] = field(default_factory=dict)
    new: tuple[str, ...] = ()
    """Names of hosts, sorted, like the fields below."""
    gone: tuple[str, ...] | None = None
    """In the earlier scan and not in this one; None where the two scans had different inventories
    or limits."""
    recovered: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    rebooted: tuple[str, ...] = ()

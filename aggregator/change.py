"""What changed since an earlier scan, as the JSON of a scan shows it; `comparison` makes it.

The fields are those of ``hosts[].change`` and ``fleet.change``, by name and shape.
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
    """What became of a host between two scans."""

    COMPARED = "compared"
    """Read in both, without a boot in between: the only one with differences."""
    REBOOTED = "rebooted"
    """Read in both under different boot ids: it began anew, so nothing grew or shrank."""
    RECOVERED = "recovered"
    """Failed then, read now."""
    LOST = "lost"
    """Read then, failed now."""
    STILL_FAILED = "still-failed"
    NEW = "new"
    """Not in the earlier scan."""


class NamespaceStatus(StrEnum):
    """What became of a network namespace between two scans."""

    COMPARED = "compared"
    NEW = "new"
    GONE = "gone"


@record
class NamespaceChange:
    """One network namespace of a host that did not boot in between."""

    inode: int
    status: NamespaceStatus
    inuse: int | None = None
    """Now minus then, like all numbers here; None where one of the two is not known."""
    inuse6: int | None = None
    tw: int | None = None
    used: int | None = None
    tcp_close_max: int | None = None
    """The difference of two upper bounds, and no bound itself."""
    rate_per_hour: Mapping[str, float | None] = field(default_factory=dict)
    """The same numbers by name, per hour."""


NAMESPACE_NUMBERS = ("inuse", "inuse6", "tw", "used", "tcp_close_max")
"""The numbers of `NamespaceChange`, in the order of the JSON."""


@record
class HostChange(TcpNumbers):
    """One host's numbers minus those of the earlier scan; None where nothing can be compared."""

    status: Since
    bound: bool = False
    """Whether ``tcp_close`` is the difference of two upper bounds: sockets that other network
    namespaces opened or closed meanwhile are in it too."""
    rate_per_hour: Mapping[str, float | None] = field(default_factory=dict)
    """The same numbers by name, per hour of the time between the starts of the two scans; empty
    where nothing can be compared."""
    namespaces: tuple[NamespaceChange, ...] | None = None
    """None where one of the scans did not read them, or the host is not ``compared``."""


@record
class Against:
    """The earlier scan."""

    id: str
    started_at: datetime
    elapsed_s: float
    """From its start to the start of this scan: what the rates are reckoned by."""


@record
class FleetChange(TcpNumbers):
    """The sums of the changes of the ``compared`` hosts, and what became of the others.

    Not the difference of the two scans' totals: a host that could not be read would look there
    like sockets that were closed.
    """

    against: Against
    compared: int
    """How many hosts the sums are of."""
    bound: bool = False
    """Whether that of any host is."""
    rate_per_hour: Mapping[str, float | None] = field(default_factory=dict)
    new: tuple[str, ...] = ()
    """Hosts by name, sorted, like the next ones."""
    gone: tuple[str, ...] | None = None
    """In the earlier scan and no longer among the hosts; None where the two scans were of other
    inventories or limits, so that nobody can tell."""
    recovered: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    rebooted: tuple[str, ...] = ()

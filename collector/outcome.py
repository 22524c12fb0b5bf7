"""The outcome of asking one host: a reading or a failure, never an exception."""

from __future__ import annotations

from ..core.record import record
from ..inventory.models import Host
from .errors import Category, Phase
from .probe.kernel import Kernel
from .probe.namespaces import Namespaces
from .probe.processes import Processes
from .probe.sockstat import Sockstat

__all__ = ["HostFailure", "HostOutcome", "HostReading", "RunEnd", "not_attempted", "not_contacted"]


@record
class HostReading:
    """One host answered, and its answer was whole."""

    host: Host
    address: str
    """The IP address it was read at; as configured where the far side of a bastion resolves it."""
    attempts: int
    elapsed_s: float
    """From the host's slot to the end of the last attempt, waits between attempts included."""
    sockstat: Sockstat
    sockstat6: Sockstat | None
    """None where the host has no /proc/net/sockstat6: IPv6 is off."""
    kernel: Kernel
    namespaces: Namespaces | None = None
    """Every network namespace that was seen; None where only the host's own was read."""
    processes: Processes | None = None
    """Who holds closed sockets; None where it was not asked."""


@record
class HostFailure:
    """One host gave no reading, and why."""

    host: Host
    address: str
    """The IP address tried last; as configured where none was found yet."""
    attempts: int
    """0 when it was never tried."""
    elapsed_s: float
    category: Category
    phase: Phase
    message: str


HostOutcome = HostReading | HostFailure


def not_contacted(host: Host, category: Category, message: str) -> HostFailure:
    """The failure of a host that nobody has begun to ask."""
    return HostFailure(
        host=host,
        address=host.address,
        attempts=0,
        elapsed_s=0.0,
        category=category,
        phase=Phase.QUEUED,
        message=message,
    )


def not_attempted(host: Host, why: str) -> HostFailure:
    """The outcome of a host whose turn never came, as the run was stopped by ``why``."""
    return not_contacted(host, Category.NOT_ATTEMPTED, f"not begun: stopped by {why}")


@record
class RunEnd:
    """How the work on a shard ended; every host's outcome was sent before."""

    complete: bool
    """False where it was stopped, by the deadline or by `Shard.stop`."""
    notes: tuple[str, ...]
    """What the transports have to tell the user."""

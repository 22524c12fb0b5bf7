"""The outcome of one host: a reading or a failure, never an exception."""

from __future__ import annotations

from ..core.record import record
from ..inventory.models import Host
from .errors import Category, Phase, UnknownHostKey
from .probe.kernel import Kernel
from .probe.namespaces import Namespaces
from .probe.processes import Processes
from .probe.sockstat import Sockstat

__all__ = ["HostFailure", "HostOutcome", "HostReading", "RunEnd", "not_attempted", "not_contacted"]


@record
class HostReading:
    """One host answered, and its answer was complete."""

    host: Host
    address: str
    """The IP address that was read; as configured where a bastion resolves the name."""
    attempts: int
    elapsed_s: float
    """From the start of the first attempt to the end of the last, pauses between them included."""
    sockstat: Sockstat
    sockstat6: Sockstat | None
    """None where the host has no /proc/net/sockstat6: IPv6 is off."""
    kernel: Kernel
    namespaces: Namespaces | None = None
    """Every network namespace that was seen; None where only the host's own was read."""
    processes: Processes | None = None
    """The processes that hold closed sockets; None where the probe did not list them."""


@record
class HostFailure:
    """Why one host has no reading."""

    host: Host
    address: str
    """The IP address tried last; as configured where none was found yet."""
    attempts: int
    """0: the host was never contacted."""
    elapsed_s: float
    category: Category
    phase: Phase
    message: str
    unknown_key: UnknownHostKey | None = None
    """The host key that kept it from being read, where the user could be asked to trust it."""


HostOutcome = HostReading | HostFailure


def not_contacted(host: Host, category: Category, message: str) -> HostFailure:
    """The failure of a host that was never contacted."""
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
    """The failure of a host that had no slot yet when ``why`` stopped the run."""
    return not_contacted(host, Category.NOT_ATTEMPTED, f"not begun: stopped by {why}")


@record
class RunEnd:
    """How a run, or one worker's part of it, ended; all outcomes were delivered before."""

    complete: bool
    """False where the deadline or a call of ``stop`` cut it off."""
    notes: tuple[str, ...]
    """Notes of the transports for the user, each a complete sentence."""

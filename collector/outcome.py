"""The outcome of asking one host: a reading or a failure, never an exception."""

from __future__ import annotations

from ..core.record import record
from ..inventory.models import Host
from .errors import Category, Phase
from .probe.namespaces import Namespaces
from .probe.processes import Processes
from .probe.sockstat import Sockstat

__all__ = ["HostFailure", "HostOutcome", "HostReading", "Kernel", "not_begun", "unasked"]


@record
class Kernel:
    """What the kernel says of itself and its limits; None where the host did not say."""

    release: str | None = None
    boot_id: str | None = None
    page_size: int | None = None
    """Bytes a page: the unit of ``mem`` and ``tcp_mem``."""
    tcp_mem: tuple[int, int, int] | None = None
    """Pages: low, pressure, high (net.ipv4.tcp_mem)."""
    tcp_max_orphans: int | None = None
    tcp_estab: int | None = None
    """CurrEstab of /proc/net/snmp in the reader's namespace: what ``ss -s`` prints as estab."""


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


def unasked(host: Host, category: Category, message: str) -> HostFailure:
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


def not_begun(host: Host, why: str) -> HostFailure:
    """The outcome of a host whose turn never came, as the run was stopped by ``why``."""
    return unasked(host, Category.NOT_ATTEMPTED, f"not begun: stopped by {why}")

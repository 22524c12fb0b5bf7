"""What stands in one simulated host's kernel, and the true numbers behind its files.

The sockets are the primary values here; what the kernel's files show is derived from them, so the
files of a host can never disagree with each other, and a test can ask for the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...collector.probe.kernel import Kernel

__all__ = ["Contents", "NamespaceSockets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSockets:
    """The sockets of one network namespace, counted."""

    inuse: int = 0
    """IPv4 TCP sockets in any state but TCP_CLOSE and TIME_WAIT, orphans and listeners included."""
    inuse6: int = 0
    """The same of IPv6, IPv4-mapped connections of a ``::`` listener included."""
    tw: int = 0
    """TIME_WAIT of both families: small objects of their own, not in ``inuse`` nor ``alloc``."""
    established: int = 0
    """Of ``inuse`` and ``inuse6``: in ESTABLISHED or CLOSE_WAIT (CurrEstab)."""
    tcp_close: int = 0
    """Held open in state TCP_CLOSE: what every ``inuse`` leaves out and ``alloc`` counts."""
    udp: int = 0
    udp6: int = 0
    raw: int = 0
    raw6: int = 0
    other: int = 0
    """Unix, netlink and packet sockets, which only ``sockets: used`` counts."""

    @property
    def used(self) -> int:
        """``sockets: used`` (kernel net/socket.c socket_seq_show: every sock of the namespace)."""
        return (
            self.inuse
            + self.inuse6
            + self.tcp_close
            + self.udp
            + self.udp6
            + self.raw
            + self.raw6
            + self.other
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """One host: its own namespace, its containers' and what counts for the whole machine."""

    host: NamespaceSockets
    containers: tuple[NamespaceSockets, ...] = ()
    """Network namespaces beside the host's own: its sockstat files do not show their ``inuse``."""
    orphan: int = 0
    mem_pages: int = 0
    udp_mem_pages: int = 0
    ipv6: bool = True
    """False: IPv6 is off, and there is no /proc/net/sockstat6."""
    kernel: Kernel
    """``tcp_estab`` in it is not looked at: ``host.established`` says it."""

    @property
    def alloc(self) -> int:
        """TCP sockets of the whole machine, as ``TCP: alloc`` shows them in every namespace."""
        return sum(n.inuse + n.inuse6 + n.tcp_close for n in (self.host, *self.containers))

    @property
    def tcp_close(self) -> int:
        """The truth: sockets in state TCP_CLOSE on the whole machine."""
        return sum(n.tcp_close for n in (self.host, *self.containers))

    @property
    def tcp_close_bound(self) -> int:
        """What the host's own two files allow to say: the truth, or more where containers are."""
        return self.alloc - self.host.inuse - self.host.inuse6

    @property
    def closed(self) -> int:
        """What ``ss -s`` prints as closed on this host (iproute2 misc/ss.c print_summary())."""
        return self.alloc - (self.host.inuse + self.host.inuse6 - self.host.tw)

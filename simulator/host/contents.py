"""The sockets of one simulated host, and the true numbers that its files show.

The kernel's numbers are computed from the sockets, so the files of a host are always consistent,
and tests can compare a scan with the true numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...collector.probe.kernel import Kernel

__all__ = ["Contents", "NamespaceSockets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSockets:
    """The numbers of sockets in one network namespace."""

    inuse: int = 0
    """IPv4 TCP sockets in any state but TCP_CLOSE and TIME_WAIT, orphans and listeners included."""
    inuse6: int = 0
    """The same of IPv6, IPv4-mapped connections of a ``::`` listener included."""
    tw: int = 0
    """TIME_WAIT of both families: separate objects, neither in ``inuse`` nor in ``alloc``."""
    established: int = 0
    """Of ``inuse`` and ``inuse6``: in ESTABLISHED or CLOSE_WAIT (CurrEstab)."""
    tcp_close: int = 0
    """Sockets in state TCP_CLOSE, which no ``inuse`` counts and ``alloc`` does."""
    udp: int = 0
    udp6: int = 0
    raw: int = 0
    raw6: int = 0
    other: int = 0
    """Unix, netlink and packet sockets, which appear only in ``sockets: used``."""

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
    """One host: its own namespace, those of its containers, and machine-wide numbers."""

    host: NamespaceSockets
    containers: tuple[NamespaceSockets, ...] = ()
    """Other network namespaces, whose ``inuse`` the host's own sockstat files do not include."""
    orphan: int = 0
    mem_pages: int = 0
    udp_mem_pages: int = 0
    ipv6: bool = True
    """Whether IPv6 is on; otherwise /proc/net/sockstat6 does not exist."""
    kernel: Kernel
    """Its ``tcp_estab`` is ignored; `host.established` takes its place."""

    @property
    def alloc(self) -> int:
        """TCP sockets of the whole machine: ``TCP: alloc``, the same in every namespace."""
        return sum(n.inuse + n.inuse6 + n.tcp_close for n in (self.host, *self.containers))

    @property
    def tcp_close(self) -> int:
        """The true number of sockets in state TCP_CLOSE on the whole machine."""
        return sum(n.tcp_close for n in (self.host, *self.containers))

    @property
    def tcp_close_bound(self) -> int:
        """The upper bound of `tcp_close` from the host's own files; exact without containers."""
        return self.alloc - self.host.inuse - self.host.inuse6

    @property
    def closed(self) -> int:
        """The number of closed sockets in ``ss -s`` (iproute2 misc/ss.c print_summary())."""
        return self.alloc - (self.host.inuse + self.host.inuse6 - self.host.tw)

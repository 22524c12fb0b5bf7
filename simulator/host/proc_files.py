"""A simulated host's files below /proc, in the kernel's format.

Formats: net/ipv4/proc.c sockstat_seq_show() and snmp_seq_show(), net/ipv6/proc.c
sockstat6_seq_show() of the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...collector.probe.labels import (
    BOOT_ID,
    FILE_NR,
    OSRELEASE,
    SNMP,
    SOCKSTAT,
    SOCKSTAT6,
    TCP_MAX_ORPHANS,
    TCP_MEM,
)
from .contents import Contents, NamespaceSockets

__all__ = ["proc_files", "tcp_line"]


def proc_files(contents: Contents) -> Mapping[str, bytes]:
    """The content of the host's files, by path; a file that does not exist has no entry."""
    kernel = contents.kernel
    files = {SOCKSTAT: _sockstat(contents)}
    if contents.ipv6:
        files[SOCKSTAT6] = _sockstat6(contents)
    files[SNMP] = _snmp(contents)
    if kernel.release is not None:
        files[OSRELEASE] = f"{kernel.release}\n"
    if kernel.boot_id is not None:
        files[BOOT_ID] = f"{kernel.boot_id}\n"
    if kernel.tcp_mem is not None:
        files[TCP_MEM] = "\t".join(map(str, kernel.tcp_mem)) + "\n"
    if kernel.tcp_max_orphans is not None:
        files[TCP_MAX_ORPHANS] = f"{kernel.tcp_max_orphans}\n"
    if kernel.file_nr is not None and kernel.file_max is not None:
        files[FILE_NR] = f"{kernel.file_nr}\t0\t{kernel.file_max}\n"
    return {path: text.encode() for path, text in files.items()}


def tcp_line(contents: Contents, sockets: NamespaceSockets) -> str:
    """The TCP line of sockstat in one of the host's network namespaces.

    ``alloc``, ``orphan`` and ``mem`` are machine-wide, so they are equal in all of them.
    """
    return (
        f"TCP: inuse {sockets.inuse} orphan {contents.orphan} tw {sockets.tw} "
        f"alloc {contents.alloc} mem {contents.mem_pages}"
    )


def _sockstat(contents: Contents) -> str:
    host = contents.host
    return (
        f"sockets: used {host.used}\n"
        f"{tcp_line(contents, host)}\n"
        f"UDP: inuse {host.udp} mem {contents.udp_mem_pages}\n"
        "UDPLITE: inuse 0\n"
        f"RAW: inuse {host.raw}\n"
        "FRAG: inuse 0 memory 0\n"
    )


def _sockstat6(contents: Contents) -> str:
    host = contents.host
    return (
        f"TCP6: inuse {host.inuse6}\n"
        f"UDP6: inuse {host.udp6}\n"
        "UDPLITE6: inuse 0\n"
        f"RAW6: inuse {host.raw6}\n"
        "FRAG6: inuse 0 memory 0\n"
    )


def _snmp(contents: Contents) -> str:
    # Only CurrEstab is set; the other counters are zero, as after a boot.
    tables: Mapping[str, Mapping[str, int]] = {
        "Ip": {"Forwarding": 2, "DefaultTTL": 64, "InReceives": 0, "InDelivers": 0},
        "Tcp": {
            "RtoAlgorithm": 1,
            "RtoMin": 200,
            "RtoMax": 120000,
            "MaxConn": -1,
            "ActiveOpens": 0,
            "PassiveOpens": 0,
            "AttemptFails": 0,
            "EstabResets": 0,
            "CurrEstab": contents.host.established,
            "InSegs": 0,
            "OutSegs": 0,
            "RetransSegs": 0,
            "InErrs": 0,
            "OutRsts": 0,
            "InCsumErrors": 0,
        },
        "Udp": {"InDatagrams": 0, "NoPorts": 0, "InErrors": 0, "OutDatagrams": 0},
    }
    return "".join(
        f"{name}: {' '.join(row)}\n{name}: {' '.join(map(str, row.values()))}\n"
        for name, row in tables.items()
    )

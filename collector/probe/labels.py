"""The labels of the sections in the probe's output: paths of files, and three names."""

from __future__ import annotations

__all__ = [
    "BOOT_ID",
    "FILE_NR",
    "FORCED_MARK",
    "LOGIN_SHELL",
    "NAMESPACES",
    "NO_PROC",
    "OSRELEASE",
    "PAGE_SIZE",
    "PROCESSES",
    "SNMP",
    "SOCKSTAT",
    "SOCKSTAT6",
    "TCP_MAX_ORPHANS",
    "TCP_MEM",
]

SOCKSTAT = "/proc/net/sockstat"
SOCKSTAT6 = "/proc/net/sockstat6"
SNMP = "/proc/net/snmp"
OSRELEASE = "/proc/sys/kernel/osrelease"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
TCP_MEM = "/proc/sys/net/ipv4/tcp_mem"
TCP_MAX_ORPHANS = "/proc/sys/net/ipv4/tcp_max_orphans"
FILE_NR = "/proc/sys/fs/file-nr"
PAGE_SIZE = "page_size"
FORCED_MARK = "sockfleet-forced-1"
"""The mark of `collector.probe.forced_probe`. The number is the version of the output format: it
changes when an old line would be misread."""
LOGIN_SHELL = "login shell"
"""Before the path of the account's login shell, as sshd passes it on in SHELL."""
NO_PROC = "sockfleet: no proc file system"
"""What the probe says on stderr where there is none."""
NAMESPACES = "namespaces"
PROCESSES = "processes"

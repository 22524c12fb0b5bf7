"""What a host says of its kernel: release, boot id, page size and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ...core.record import record
from ...core.text import clean
from .labels import BOOT_ID, OSRELEASE, PAGE_SIZE, SNMP, TCP_MAX_ORPHANS, TCP_MEM

__all__ = ["Kernel", "parse_kernel", "tcp_estab"]


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


_USUAL_SETTINGS = 500  # bytes: what is longer is no kernel's, and is not to be remembered


_WHOLE = re.compile(rb"[0-9]{1,20}")


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def tcp_estab(snmp: bytes) -> int | None:
    """CurrEstab of /proc/net/snmp (pairs of lines, names and values); None where it is not."""
    pair = (b"\n" + snmp).split(b"\nTcp: ")[1:]
    if len(pair) != 2:
        return None
    names, values = (row.partition(b"\n")[0].split() for row in pair)
    if b"CurrEstab" not in names or len(names) != len(values):
        return None
    return _whole(values[names.index(b"CurrEstab")])


def parse_kernel(sections: Mapping[str, bytes]) -> Kernel:
    """Read the sections of the answer that describe the kernel; a missing one is None."""
    settings = [
        sections.get(name, b"") for name in (OSRELEASE, PAGE_SIZE, TCP_MEM, TCP_MAX_ORPHANS)
    ]
    usual = sum(map(len, settings)) <= _USUAL_SETTINGS
    release, page_size, tcp_mem, tcp_max_orphans = (
        _settings(*settings) if usual else _settings.__wrapped__(*settings)
    )
    boot_id = sections.get(BOOT_ID, b"").decode("ascii", "replace").strip()
    return Kernel(
        release=release,
        boot_id=boot_id if _UUID.fullmatch(boot_id) else None,
        page_size=page_size,
        tcp_mem=tcp_mem,
        tcp_max_orphans=tcp_max_orphans,
        tcp_estab=tcp_estab(sections.get(SNMP, b"")),
    )


# What most hosts have as others do: read once, it is also kept once, 0.3 KiB less a host.
_KEPT_ONCE = (OSRELEASE, PAGE_SIZE, TCP_MEM, TCP_MAX_ORPHANS)


@lru_cache(maxsize=256)
def _settings(
    release: bytes, page_size: bytes, tcp_mem: bytes, tcp_max_orphans: bytes
) -> tuple[str | None, int | None, tuple[int, int, int] | None, int | None]:
    size = page_size.split()
    kib = _whole(size[0]) if len(size) == 2 and size[1] == b"kB" else None
    limits = [_whole(word) for word in tcp_mem.split()]
    low, pressure, high = limits if len(limits) == 3 else (None, None, None)
    return (
        clean(release, limit=100) or None,
        None if kib is None else kib * 1024,
        None if low is None or pressure is None or high is None else (low, pressure, high),
        _whole(tcp_max_orphans.strip()),
    )


def _whole(word: bytes) -> int | None:
    return int(word) if _WHOLE.fullmatch(word) else None

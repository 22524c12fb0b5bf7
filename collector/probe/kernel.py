"""Parse what the probe reads of the kernel: release, boot id, page size, limits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import clean
from .labels import BOOT_ID, FILE_NR, OSRELEASE, PAGE_SIZE, SNMP, TCP_MAX_ORPHANS, TCP_MEM

__all__ = ["Kernel", "parse_kernel", "tcp_estab"]


@record
class Kernel:
    """A host's kernel and its limits; None for a value that the probe could not read."""

    release: str | None = None
    boot_id: str | None = None
    page_size: int | None = None
    """Bytes a page: the unit of ``mem`` and ``tcp_mem``."""
    tcp_mem: tuple[int, int, int] | None = None
    """Pages: low, pressure, high (net.ipv4.tcp_mem)."""
    tcp_max_orphans: int | None = None
    file_nr: int | None = None
    """Open files of the whole machine, sockets among them (the first number of fs.file-nr)."""
    file_max: int | None = None
    """The most of these (fs.file-max): one more fails with ENFILE. Many kernels set it to
    2**63 - 1, which is no limit."""
    tcp_estab: int | None = None
    """CurrEstab of /proc/net/snmp in the reader's namespace: what ``ss -s`` prints as estab."""


_MOST_CACHED_BYTES = 500  # longer values are no kernel's and would fill the cache
_NUMBER = lazy_pattern(rb"[0-9]{1,20}")
_UUID = lazy_pattern(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def tcp_estab(snmp: bytes) -> int | None:
    """CurrEstab of /proc/net/snmp (pairs of lines, names and values); None where it is absent."""
    pair = (b"\n" + snmp).split(b"\nTcp: ")[1:]
    if len(pair) != 2:
        return None
    names, values = (row.partition(b"\n")[0].split() for row in pair)
    if b"CurrEstab" not in names or len(names) != len(values):
        return None
    return _parse_number(values[names.index(b"CurrEstab")])


def parse_kernel(sections: Mapping[str, bytes]) -> Kernel:
    """Parse the sections of the probe's output that describe the kernel; a missing one is None."""
    settings = [
        sections.get(name, b"") for name in (OSRELEASE, PAGE_SIZE, TCP_MEM, TCP_MAX_ORPHANS)
    ]
    cached = sum(map(len, settings)) <= _MOST_CACHED_BYTES
    release, page_size, tcp_mem, tcp_max_orphans = (
        _parse_settings(*settings) if cached else _parse_settings.__wrapped__(*settings)
    )
    boot_id = sections.get(BOOT_ID, b"").decode("ascii", "replace").strip()
    file_nr, file_max = _parse_file_nr(sections.get(FILE_NR, b""))
    return Kernel(
        release=release,
        boot_id=boot_id if _UUID().fullmatch(boot_id) else None,
        page_size=page_size,
        tcp_mem=tcp_mem,
        tcp_max_orphans=tcp_max_orphans,
        file_nr=file_nr,
        file_max=file_max,
        tcp_estab=tcp_estab(sections.get(SNMP, b"")),
    )


# Most hosts have the same values: the cache saves the parsing, and 0.3 KiB of memory per host.
@lru_cache(maxsize=256)
def _parse_settings(
    release: bytes, page_size: bytes, tcp_mem: bytes, tcp_max_orphans: bytes
) -> tuple[str | None, int | None, tuple[int, int, int] | None, int | None]:
    size = page_size.split()
    kib = _parse_number(size[0]) if len(size) == 2 and size[1] == b"kB" else None
    limits = [_parse_number(word) for word in tcp_mem.split()]
    low, pressure, high = limits if len(limits) == 3 else (None, None, None)
    return (
        clean(release, limit=100) or None,
        None if kib is None else kib * 1024,
        None if low is None or pressure is None or high is None else (low, pressure, high),
        _parse_number(tcp_max_orphans.strip()),
    )


def _parse_file_nr(line: bytes) -> tuple[int | None, int | None]:
    """The open files and their limit; the number between them is 0 since Linux 2.6 (proc(5))."""
    words = line.split()
    if len(words) != 3:
        return None, None
    return _parse_number(words[0]), _parse_number(words[2])


def _parse_number(word: bytes) -> int | None:
    return int(word) if _NUMBER().fullmatch(word) else None

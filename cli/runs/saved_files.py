"""Files saved from /proc/net, or /proc/net itself, recognised by their content."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...aggregator.thresholds import Thresholds
from ...collector.outcome import HostReading
from ...collector.probe.kernel import Kernel, tcp_estab
from ...collector.probe.sockstat import SockstatError, parse_sockstat
from ...core.errors import SockfleetError, UsageError
from ...core.text import clean
from ...inventory.models import Host
from ...output.text.explanation import OneHost, one_host

__all__ = ["read_own_files", "read_saved_host"]

_PROC_SELF = Path("/proc/self")
_PROC_NET = Path("/proc/net")
_NAMES = ("sockstat", "sockstat6", "snmp")
# Files that only a kernel with IPv6 makes (net/ipv6 of its source).
_OF_IPV6 = ("if_inet6", "tcp6", "udp6", "raw6", "snmp6", "igmp6", "ipv6_route", "rt6_stats")
_MOST_BYTES = 1024 * 1024
# UTF-32 first: the mark of UTF-16 begins its own.
_WIDE_ENCODINGS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
_SNMP = frozenset({b"Ip", b"Icmp", b"IcmpMsg", b"Tcp", b"Udp", b"UdpLite"})
_LINE = re.compile(rb"([A-Za-z0-9]+):(?: |$)")
# `head FILE FILE` prints these between files, and people paste them.
_LABEL = re.compile(rb"==> .* <==")


def read_own_files() -> OneHost:
    """Read the files that ``ss -s`` reads on this machine; raises SockfleetError without them."""
    found = {name: _PROC_NET / name for name in _NAMES if (_PROC_NET / name).exists()}
    if "sockstat" not in found:
        cause = "" if _PROC_SELF.exists() else ": not Linux, or /proc is not mounted"
        raise SockfleetError(
            f"no {_PROC_NET / 'sockstat'} here{cause}. Name files that were saved on a Linux host"
        )
    return _host(
        {name: (str(path), _read_path(path)) for name, path in found.items()},
        origin="this machine",
        is_ipv6_off=True,
        thresholds=None,
    )


def read_saved_host(sources: Sequence[str], thresholds: Thresholds | None = None) -> OneHost:
    """Read the files of one host from files, folders or ``-`` (standard input), in any order.

    A folder is one that was saved with proc/net in it (a sosreport), a /proc, or one with the
    files themselves. Raises UsageError for what cannot be read or recognised, and where two of
    them hold the same file: that would be two hosts.
    """
    parts: dict[str, tuple[str, bytes]] = {}
    is_ipv6_off = False
    for source in sources:
        whole_folder = source != "-" and Path(source).is_dir()
        files = _files_in_folder(Path(source)) if whole_folder else [source]
        is_ipv6_off |= whole_folder and not _has_ipv6(Path(files[0]).parent)
        for file in files:
            for name, data in _split_by_file(file, _read(file)).items():
                if name in parts:
                    raise UsageError(
                        f"both {parts[name][0]} and {file} hold a {name}: give the files of one "
                        "host at a time"
                    )
                parts[name] = (file, data)
    if "sockstat" not in parts:
        raise UsageError(
            f"no sockstat in {', '.join(sources)}: its first lines are 'sockets: used …' and "
            "'TCP: inuse …'"
        )
    return _host(parts, origin=", ".join(sources), is_ipv6_off=is_ipv6_off, thresholds=thresholds)


def _host(
    parts: Mapping[str, tuple[str, bytes]],
    *,
    origin: str,
    is_ipv6_off: bool,
    thresholds: Thresholds | None,
) -> OneHost:
    parsed = {}
    for name in ("sockstat", "sockstat6"):
        if name in parts:
            file, data = parts[name]
            try:
                parsed[name] = parse_sockstat(data)
            except SockstatError as error:
                raise UsageError(f"{file}: {error}") from error
    reading = HostReading(
        host=Host(name=origin, address=origin),
        address=origin,
        attempts=1,
        elapsed_s=0.0,
        sockstat=parsed["sockstat"],
        sockstat6=parsed.get("sockstat6"),
        kernel=Kernel(tcp_estab=tcp_estab(parts["snmp"][1]) if "snmp" in parts else None),
    )
    return one_host(reading, origin=origin, is_ipv6_off=is_ipv6_off, thresholds=thresholds)


def _files_in_folder(folder: Path) -> list[str]:
    for inside in (folder / "proc" / "net", folder / "net", folder):
        if (inside / "sockstat").is_file():
            return [str(inside / name) for name in _NAMES if (inside / name).is_file()]
    raise UsageError(f"{folder}: no proc/net/sockstat, net/sockstat or sockstat in this folder")


def _has_ipv6(folder: Path) -> bool:
    """Whether a file in the folder shows that IPv6 is on, though sockstat6 may be missing."""
    return any((folder / name).exists() for name in _OF_IPV6)


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read(_MOST_BYTES + 1) if file == "-" else _read_path(Path(file))
    except OSError as error:
        is_name = isinstance(error, FileNotFoundError) and "/" not in file
        hint = f"; a host is read with --host {file}" if is_name else ""
        raise UsageError(f"cannot read {file}: {error.strerror or error}{hint}") from error


def _read_path(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_MOST_BYTES + 1)


def _split_by_file(file: str, data: bytes) -> dict[str, bytes]:
    """Split the lines by the file that they come from; several files may follow each other."""
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{file}: over {_MOST_BYTES} bytes: not a file of /proc/net")
    data = _decode(file, data)
    found: dict[str, list[bytes]] = {}
    for name, row in _rows(file, data):
        found.setdefault(name, []).append(row)
    if not found:
        raise UsageError(f"{file}: empty")
    return {name: b"".join(row + b"\n" for row in rows) for name, rows in found.items()}


def _decode(file: str, data: bytes) -> bytes:
    """Remove a byte order mark, and turn UTF-16 and UTF-32 into UTF-8: PowerShell saves so."""
    if data.startswith(codecs.BOM_UTF8):
        return data.removeprefix(codecs.BOM_UTF8)
    for encoding, marks in _WIDE_ENCODINGS.items():
        if data.startswith(marks):
            try:
                return data.decode(encoding).encode()
            except UnicodeError as error:
                shown = encoding.upper()
                raise UsageError(f"{file}: begins as {shown} and is not: {error}") from error
    if b"\0" in data[:4]:
        raise UsageError(f"{file}: looks like UTF-16 or UTF-32: save it as UTF-8 or ASCII")
    return data


def _rows(file: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    for number, row in enumerate(data.splitlines(), 1):
        if not row.strip() or _LABEL.fullmatch(row):
            continue
        line = _LINE.match(row)
        if line is None:
            raise UsageError(
                f"{file} line {number}: {clean(row, limit=80)!r} is not a line of sockstat, "
                "sockstat6 or snmp"
            )
        yield _kind(line[1]), row


def _kind(name: bytes) -> str:
    if name in _SNMP:
        return "snmp"
    return "sockstat6" if name.endswith(b"6") else "sockstat"

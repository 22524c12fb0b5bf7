"""A row for each host, for spreadsheets (RFC 4180, with the newlines of Unix).

UTF-8 without a byte order mark: only Excel needs one for names outside ASCII, and most other
readers would take it for a part of the first title.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ...aggregator.change import HostChange
from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_NUMBERS, TcpNumbers, tcp_values
from ...collector.probe.kernel import Kernel
from ..formats import Format, RenderOptions

__all__ = ["FORMAT", "csv_cell"]

_KERNEL = ("release", "boot_id", "page_size", "tcp_max_orphans", "tcp_estab")
_FILES = ("file_nr", "file_max")
_HOLDER = ("pid", "command", "user", "open_files", "open_files_limit")
_CHANGED = ("tcp_close", "closed")
_ERROR = ("category", "phase", "message")
_HEADER = (
    *("rank", "name", "address", "port", "groups", "levels", "status", "attempts", "elapsed_s"),
    *TCP_NUMBERS,
    *("scope", "sockets_used", "uncertainty", "unattributed"),
    *_KERNEL,
    *("tcp_mem_low", "tcp_mem_pressure", "tcp_mem_high"),
    "diagnosis",
    "change_status",
    *(f"change_{name}" for name in _CHANGED),
    *(f"rate_per_hour_{name}" for name in _CHANGED),
    *(f"error_{name}" for name in _ERROR),
    *_FILES,
    *(f"holder_{name}" for name in _HOLDER),
)
# A spreadsheet runs text with such a beginning as a formula, and hosts can send any text
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(
        [csv_cell(value) for value in _row(rank, host)] for rank, host in summary.ranked()
    )
    return text.getvalue().encode("utf-8", "backslashreplace")


FORMAT = Format(name="csv", suffixes=(".csv",), render=_render)


def _row(rank: int | None, host: HostSummary) -> Iterator[object]:
    yield from (rank, host.name, host.address, host.port, " ".join(host.groups))
    yield None if host.levels is None else " ".join(host.levels)
    yield from (host.status.value, host.attempts, round(host.elapsed_s, 3))
    tcp, kernel = host.tcp or TcpNumbers(), host.kernel or Kernel()
    yield from tcp_values(tcp)
    yield from (host.scope and host.scope.value, host.sockets_used)
    yield from (host.uncertainty, host.unattributed)
    yield from (getattr(kernel, name) for name in _KERNEL)
    yield from kernel.tcp_mem or (None, None, None)
    yield host.diagnosis[0].word if host.diagnosis else None
    yield from _changes(host.change)
    yield from (host.error and getattr(host.error, name) for name in _ERROR)
    yield from (getattr(kernel, name) for name in _FILES)
    holder = host.fullest_holder
    yield from (holder and getattr(holder, name) for name in _HOLDER)


def _changes(change: HostChange | None) -> Iterator[object]:
    if change is None:
        yield from (None,) * (1 + 2 * len(_CHANGED))
        return
    yield change.status.value
    yield from (getattr(change, name) for name in _CHANGED)
    yield from (change.rate_per_hour.get(name) for name in _CHANGED)


def csv_cell(value: object) -> object:
    """The value for the csv module, which writes None as an empty cell; a number is never text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

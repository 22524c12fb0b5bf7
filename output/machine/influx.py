"""InfluxDB's line protocol, for Telegraf's exec input or InfluxDB itself.

Format: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/. The time
of all points is the end of the scan. Only values that stay the same for a host are tags: each new
value of a tag begins a new series, so a word that may change from scan to scan is a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from ...aggregator.fleet import DISTRIBUTED, FleetSummary, GroupSummary, sum_up
from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_NUMBERS
from ...core.text import escape
from ..formats import Format, RenderOptions
from .host_numbers import HOST_NUMBERS

__all__ = ["FORMAT"]

_Field = float | bool | str | None

_MOST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# InfluxDB reads a backslash before other characters than these as itself, Telegraf reads two as
# one: no notation of a backslash in a tag works in both, so a full-width one replaces it.
_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\\": "\N{FULLWIDTH REVERSE SOLIDUS}"})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    end = f" {_nanoseconds(summary.scan.finished_at)}\n"
    return "".join(line + end for line in _lines(summary)).encode()


FORMAT = Format(name="influx", suffixes=(".influx",), render=_render, repeats=True)


def _lines(summary: FleetSummary) -> Iterator[str]:
    scan, fleet = summary.scan, summary.fleet
    yield _line(
        "sockfleet_scan",
        {},
        {"complete": scan.complete, "duration_s": round(scan.duration_s, 3), "scan_id": scan.id},
    )
    memory = [host.mem_bytes for host in summary.hosts if host.mem_bytes is not None]
    fields = _group(fleet) | {"mem_bytes": sum_up(memory)}
    yield _line("sockfleet_fleet", {}, fields)
    for category, count in fleet.failures.items():
        yield _line("sockfleet_failures", {"category": category}, {"hosts": count})
    for word, count in fleet.diagnoses.items():
        yield _line("sockfleet_diagnoses", {"diagnosis": word}, {"hosts": count})
    for name, group in summary.groups.items():
        yield _line("sockfleet_group", {"group": name}, _group(group))
    for host in summary.hosts:
        yield _line("sockfleet_host", {"host": host.name}, _host(host))


def _group(group: GroupSummary) -> dict[str, _Field]:
    hosts = group.hosts
    fields: dict[str, _Field] = {
        "hosts": hosts.total,
        "hosts_ok": hosts.ok,
        "hosts_failed": hosts.failed,
    }
    fields |= {name: getattr(group.totals, name) for name in TCP_NUMBERS}
    for name in DISTRIBUTED:
        spread = group.distribution[name]
        fields |= {f"{name}_{part}": getattr(spread, part) for part in ("p50", "p90", "p99", "max")}
    return fields


def _host(host: HostSummary) -> dict[str, _Field]:
    fields: dict[str, _Field] = {
        "up": int(host.tcp is not None),
        "attempts": host.attempts,
        "elapsed_s": round(host.elapsed_s, 3),
    }
    if host.error is not None:
        fields |= {"error_category": host.error.category, "error_phase": host.error.phase}
    if host.tcp is None:
        return fields
    fields |= {number.name: number.value(host) for number in HOST_NUMBERS}
    fields |= {
        "scope": None if host.scope is None else host.scope.value,
        "diagnosis": host.diagnosis[0].word if host.diagnosis else None,
    }
    tcp_mem = None if host.kernel is None else host.kernel.tcp_mem
    for level, pages in zip(("low", "pressure", "high"), tcp_mem or (), strict=False):
        fields[f"tcp_mem_{level}_pages"] = pages
    return fields


def _line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, _Field]) -> str:
    """Format one point without its time; absent values have no field, empty tags no tag."""
    head = "".join(f",{name}={escape(text).translate(_TAG)}" for name, text in tags.items() if text)
    given = ((name, _value(value)) for name, value in fields.items() if value is not None)
    return f"{measurement}{head} {','.join(f'{name}={text}' for name, text in given if text)}"


def _value(value: float | bool | str) -> str:
    """Format a value; empty for a number beyond the protocol's 64 bits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i" if abs(value) <= _MOST else ""
    if isinstance(value, float):
        return repr(value)
    return f'"{escape(value).translate(_TEXT)}"'


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000

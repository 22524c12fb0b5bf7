"""The JSON of ``sockfleet history``: the list of scans, and one host over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ...aggregator.document_writer import time_text
from ...history.host_series import HostSeries
from ...history.store.maintenance.check import StoreCheck
from ...history.store.read import ScanRow
from ...history.subject import Subject

if TYPE_CHECKING:  # NumPy takes 100 ms to import; a list of scans needs none
    from ...history.fleet_trends import FleetTrends
    from ...history.trends.classify import Kind
    from ...history.trends.findings import Finding

__all__ = [
    "check_document",
    "host_series_document",
    "scan_list_document",
    "trend_document",
    "write_document",
]

_LAST_SECOND = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def scan_list_document(store: str, rows: Sequence[ScanRow]) -> dict[str, Any]:
    """The list of scans, ``sockfleet/scans/v1``."""
    return {"schema": "sockfleet/scans/v1", "store": store, "scans": [_scan(row) for row in rows]}


def host_series_document(store: str, series: HostSeries) -> dict[str, Any]:
    """One number of one host over time, ``sockfleet/series/v1``."""
    return {
        "schema": "sockfleet/series/v1",
        "store": store,
        "host": series.host,
        "metric": series.metric,
        "every_s": series.every_s,
        "points": [
            {
                "time": time_text(datetime.fromtimestamp(point.time, UTC)),
                "value": point.value,
                "samples": point.samples,
                "rebooted": point.rebooted,
            }
            for point in series.points
        ],
    }


def trend_document(
    store: str, trends: FleetTrends, kinds: Collection[Kind] | None
) -> dict[str, Any]:
    """The trends of one number of all hosts, ``sockfleet/trend/v1``; ``kinds``: of these alone."""
    counts = Counter(one.kind for one in trends.findings)
    return {
        "schema": "sockfleet/trend/v1",
        "store": store,
        "metric": trends.metric,
        "since": time_text(trends.since),
        "until": time_text(trends.until),
        "scans": trends.scans,
        "hosts": len(trends.findings),
        "kinds": {str(kind): count for kind, count in sorted(counts.items())},
        "findings": [
            _subject(trends, number) | _finding(one)
            for number, one in enumerate(trends.findings)
            if kinds is None or one.kind in kinds
        ],
    }


def check_document(store: str, found: StoreCheck) -> dict[str, Any]:
    """What a check of a store found, ``sockfleet/store-check/v1``."""
    return {
        "schema": "sockfleet/store-check/v1",
        "store": store,
        "layout": found.layout,
        "journal": found.journal,
        "scans": found.scans,
        "hosts": found.hosts,
        "first": None if found.first is None else time_text(found.first),
        "last": None if found.last is None else time_text(found.last),
        "bytes": dict(found.sizes),
        "problems": list(found.problems),
    }


def write_document(document: dict[str, Any]) -> bytes:
    """The bytes of a document, indented, with a newline at the end."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _scan(row: ScanRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "started_at": time_text(row.started_at),
        "duration_s": row.duration_s,
        "complete": row.complete,
        "fleet": row.fleet,
        "inventory": list(row.inventory),
        "limit": row.limit,
        "hosts": {"total": row.hosts, "ok": row.hosts_read, "failed": row.hosts_failed},
        "tcp_close": row.tcp_close,
        "round": row.round,
        "shards": row.shards,
        "merged_into": row.merged_into,
    }


def _subject(trends: FleetTrends, number: int) -> dict[str, Any]:
    """Of what a finding is."""
    name = trends.findings[number].host
    if trends.subject is Subject.GROUP:
        return {"host": None, "group": name, "namespace": None}
    if trends.subject is Subject.HOST:
        return {"host": name, "group": None, "namespace": None}
    one = trends.namespaces[number]
    return {"host": one.host, "group": None, "namespace": {"kind": one.kind, "name": one.name}}


def _finding(one: Finding) -> dict[str, Any]:
    rate, forecast, apart = one.rate, one.forecast, one.apart
    return {
        "kind": str(one.kind),
        "level": one.level,
        "begin": _unix_text(one.begin),
        "begin_before_window": one.begin_before_window,
        "end": _unix_text(one.end),
        "rate_per_hour": None if rate is None else rate.per_hour,
        "rate_low": None if rate is None else rate.low,
        "rate_high": None if rate is None else rate.high,
        "growth": one.growth,
        "spread": one.spread,
        "restarts": one.restarts,
        "forecast": None
        if forecast is None
        else {
            "limit": forecast.limit.name,
            "value": forecast.limit.value,
            "at": _unix_text(forecast.at),
            "earliest": _unix_text(forecast.earliest),
            "latest": _unix_text(forecast.latest),
        },
        "apart": None
        if apart is None
        else {"group": apart.group, "score": apart.score, "median": apart.median},
    }


def _unix_text(seconds: float | None) -> str | None:
    """The time as text; None beyond the calendar, where a forecast is none."""
    if seconds is None or seconds > _LAST_SECOND:
        return None
    return time_text(datetime.fromtimestamp(seconds, UTC))

"""The JSON of ``sockfleet history``: the list of scans, and one host over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from ...aggregator.document_writer import time_text
from ...history.host_series import HostSeries
from ...history.store.read import ScanRow

__all__ = ["host_series_document", "scan_list_document", "write_document"]


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

"""A line of JSON for each host as it finishes, then one for the fleet.

Each line has ``read_at``, which stores of log lines (Loki, Elastic) take as its time.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import orjson

from ...aggregator.document_writer import fleet_document, host_document, time_text
from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ..formats import Format, RenderOptions

__all__ = ["FORMAT"]


def _host_line(host: HostSummary) -> bytes:
    line = host_document(host)
    if host.read_at is not None:
        line["read_at"] = time_text(host.read_at)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _end_line(summary: FleetSummary) -> bytes:
    line: dict[str, Any] = {"fleet": fleet_document(summary.fleet)}
    if summary.scan.round is not None:
        line["round"] = summary.scan.round
        line["started_at"] = time_text(summary.scan.started_at)
    line["read_at"] = time_text(summary.scan.finished_at)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    out = io.BytesIO()
    for host in summary.hosts:
        # A scan that was read back does not say when each host was read: at the latest, at its end.
        read_at = host.read_at or host.sampled_at or summary.scan.finished_at
        out.write(_host_line(replace(host, read_at=read_at)))
    out.write(_end_line(summary))
    return out.getvalue()


FORMAT = Format(
    name="ndjson",
    suffixes=(".ndjson", ".jsonl"),
    render=_render,
    host_line=_host_line,
    end_line=_end_line,
    repeats=True,
)

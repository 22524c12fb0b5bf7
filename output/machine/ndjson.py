"""A line of JSON for each host as it finishes, then one for the fleet."""

from __future__ import annotations

import io
from typing import Any

import orjson

from ...aggregator.document_writer import fleet_document, host_document, time_text
from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ..formats import Format, RenderOptions

__all__ = ["FORMAT"]


def _host_line(host: HostSummary) -> bytes:
    return orjson.dumps(host_document(host), option=orjson.OPT_APPEND_NEWLINE)


def _end_line(summary: FleetSummary) -> bytes:
    line: dict[str, Any] = {"fleet": fleet_document(summary.fleet)}
    if summary.scan.round is not None:
        line["round"] = summary.scan.round
        line["started_at"] = time_text(summary.scan.started_at)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    out = io.BytesIO()
    for host in summary.hosts:
        out.write(_host_line(host))
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

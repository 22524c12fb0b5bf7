"""A line of JSON for each host, as each finishes, then one for the fleet."""

from __future__ import annotations

from dataclasses import replace

import orjson

from ..aggregator.document import fleet_document, host_document
from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from .formats import Format, RenderOptions

__all__ = ["FORMAT"]


def _host_line(host: HostSummary) -> bytes:
    unranked = host if host.rank is None else replace(host, rank=None)
    return orjson.dumps(host_document(unranked), option=orjson.OPT_APPEND_NEWLINE)


def _end_line(summary: FleetSummary) -> bytes:
    return orjson.dumps({"fleet": fleet_document(summary.fleet)}, option=orjson.OPT_APPEND_NEWLINE)


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    lines = [_host_line(host) for host in summary.hosts]
    return b"".join(lines) + _end_line(summary)


FORMAT = Format(
    name="ndjson",
    suffixes=(".ndjson", ".jsonl"),
    render=_render,
    host_line=_host_line,
    end_line=_end_line,
)

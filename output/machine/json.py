"""The document of a scan: JSON with a line for each host, for grep and diff."""

from __future__ import annotations

import io

import orjson

from ...aggregator.document_writer import head_document, host_document
from ...aggregator.fleet import FleetSummary
from ..formats import Format, RenderOptions

__all__ = ["FORMAT"]


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    # Host by host into one buffer: a list of 100,000 results of orjson, which cuts its small
    # buffers from large ones, took 440 MiB instead of 50.
    out = io.BytesIO()
    out.write(b"{")
    for key, value in head_document(summary).items():
        out.write(b"%s:%s,\n " % (orjson.dumps(key), orjson.dumps(value)))
    out.write(b'"hosts":[')
    before = b"\n"
    for rank, host in summary.ranked():
        out.write(before)
        out.write(orjson.dumps(host_document(host, rank)))
        before = b",\n"
    out.write(b"]}\n")
    return out.getvalue()


FORMAT = Format(name="json", suffixes=(".json",), render=_render)

"""The document of a scan: JSON with a line for each host, so that grep and diff work on it."""

from __future__ import annotations

import orjson

from ..aggregator.document import head_document, host_document
from ..aggregator.fleet import FleetSummary
from .formats import Format, RenderOptions

__all__ = ["FORMAT"]


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    # Host by host: as one dict, 100,000 hosts would take several times the memory of the bytes.
    head = head_document(summary)
    lines = [b'"%s":%s,\n' % (key.encode(), orjson.dumps(head[key])) for key in head]
    hosts = [orjson.dumps(host_document(host)) for host in summary.hosts]
    body = b"\n" + b",\n".join(hosts) if hosts else b""
    return b'{%s"hosts":[%s]}\n' % (b" ".join(lines) + b" ", body)


FORMAT = Format(name="json", suffixes=(".json",), render=_render)

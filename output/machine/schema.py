"""The JSON Schemas of what ``--format json`` and ``ndjson`` write (draft 2020-12).

They are strict about every known key and allow unknown ones, so a reader that validates works with
later versions.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

__all__ = ["SCHEMAS", "load_schema"]

SCHEMAS = ("scan", "ndjson", "trend", "report", "notification", "alert-list")
"""A whole scan, one line of ndjson, the trends of a store, a report, a message of an alert, and the
alerts of a store."""


def load_schema(document: str) -> dict[str, Any]:
    """Load the schema of one of `SCHEMAS`; it refers to no other file."""
    if document != "ndjson":
        return _read(document)
    scan = _read("scan")
    fleet = {
        "type": "object",
        "required": ["fleet"],
        "properties": {
            "fleet": {"$ref": "#/$defs/fleet"},
            "round": scan["$defs"]["scan"]["properties"]["round"],
            "started_at": {"$ref": "#/$defs/time"},
            "read_at": {"$ref": "#/$defs/time"},
        },
    }
    return {
        "$schema": scan["$schema"],
        "$id": "urn:sockfleet:schema:ndjson:v1",
        "title": "A line of sockfleet's ndjson",
        "description": "A host as it finished, without rank; the fleet last, in each round.",
        "oneOf": [{"$ref": "#/$defs/host"}, fleet],
        "$defs": scan["$defs"],
    }


def _read(document: str) -> dict[str, Any]:
    file = files(__package__ or "") / f"{document}.schema.json"
    schema: dict[str, Any] = orjson.loads(file.read_bytes())
    return schema

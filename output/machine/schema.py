"""The JSON Schemas of what ``--format json`` and ``ndjson`` write (draft 2020-12).

Strict about every key that is known, and open for keys that are added later: a reader that
validates keeps working.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

__all__ = ["SCHEMAS", "load_schema"]

SCHEMAS = ("scan", "ndjson")
"""The documents that have one: a whole scan, and one line of ndjson."""


def load_schema(document: str) -> dict[str, Any]:
    """The schema of one of `SCHEMAS`, complete in itself."""
    scan: dict[str, Any] = orjson.loads(
        (files(__package__ or "") / "scan.schema.json").read_bytes()
    )
    if document == "scan":
        return scan
    fleet = {
        "type": "object",
        "required": ["fleet"],
        "properties": {
            "fleet": {"$ref": "#/$defs/fleet"},
            "round": scan["$defs"]["scan"]["properties"]["round"],
            "started_at": {"$ref": "#/$defs/time"},
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

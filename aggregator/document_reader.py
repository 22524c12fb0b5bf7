"""The JSON document of a scan, ``sockfleet/scan/v1``, read back into a summary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from ..core.record import record
from .document_problems import find_problems
from .document_writer import SCHEMA, head_document
from .errors import DocumentError
from .fleet import Fleet, FleetSummary, GroupSummary, ScanInfo
from .host import HostSummary

__all__ = ["read_document"]


def read_document(data: bytes | Mapping[str, Any]) -> FleetSummary:
    """Read a whole document; unknown keys are ignored.

    The hosts are ranked in the order of the document. Raises DocumentError for anything but a
    complete document of this schema, for a host that it holds twice, and for text that could steer
    a terminal.
    """
    import msgspec

    try:
        if isinstance(data, bytes):
            document = msgspec.json.decode(data, type=_Document)
        else:
            document = msgspec.convert(data, type=_Document)
    except msgspec.ValidationError as error:
        raise DocumentError(_describe_error(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"not JSON: {error}") from error
    if document.schema != SCHEMA:
        raise DocumentError(f"schema is {document.schema!r}, expected {SCHEMA!r}")
    summary = FleetSummary(
        scan=document.scan, fleet=document.fleet, groups=document.groups, hosts=document.hosts
    )
    for problem in find_problems(summary):
        raise DocumentError(problem)
    try:
        orjson.dumps(head_document(summary))
    except TypeError as error:
        raise DocumentError(f"fleet or groups: {error}") from error
    return summary


@record
class _Document:
    schema: str
    scan: ScanInfo
    fleet: Fleet
    groups: dict[str, GroupSummary]
    hosts: tuple[HostSummary, ...]


_VALIDATION = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_JSON_NAMES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    **{name: name for name in ("object", "array", "null")},
}


def _describe_error(error: Exception) -> str:
    """Say in the words of JSON what msgspec says in those of Python: the place comes first."""
    found = _VALIDATION.fullmatch(str(error))
    problem, path = (str(error), "") if found is None else (found["problem"], found["path"])
    words = re.sub("`([^`]*)`", _name_type, problem)
    return f"{path or 'the document'}: {words[:1].lower()}{words[1:]}"


def _name_type(quoted: re.Match[str]) -> str:
    """The JSON name of a type, or a quoted name of a field."""
    parts = quoted[1].split(" | ")
    if all(part in _JSON_NAMES for part in parts):
        return " or ".join(_JSON_NAMES[part] for part in parts)
    return f"'{quoted[1]}'"

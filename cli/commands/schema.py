"""``sockfleet schema``: the JSON Schema of what the machine formats write."""

from __future__ import annotations

import click

from ..help_screen import Example, HelpfulCommand
from ..options.parameter_types import WordChoice

__all__ = ["command"]


_DOCUMENTS = ["scan", "ndjson", "trend", "report", "notification", "alert-list"]
_EXAMPLES = (
    Example("sockfleet schema", "of --format json"),
    Example("sockfleet schema ndjson", "of a line of --format ndjson"),
    Example("sockfleet schema trend", "of history trend -f json"),
)


@click.command("schema", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("document", type=WordChoice(_DOCUMENTS), default="scan")
def command(document: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a document.

    "scan" is what --format json writes, "ndjson" one line of --format ndjson, "trend" what
    "sockfleet history trend -f json" writes, "report" that of "sockfleet report -f json",
    "notification" what "sockfleet alert" gives commands and webhooks, "alert-list" what "sockfleet
    alert list -f json" writes. Without a name it is that of a scan.
    """
    import orjson

    from ...output.machine.schema import load_schema
    from ..console.streams import write

    shown = orjson.dumps(load_schema(document), option=orjson.OPT_INDENT_2)
    write(shown + b"\n")

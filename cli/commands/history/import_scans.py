"""``sockfleet history import``: save scans that were written as JSON."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import store_option

if TYPE_CHECKING:
    from ....aggregator.fleet import FleetSummary
    from ....core.errors import UsageError

__all__ = ["command"]

_NEXT = re.compile(rb'\n(?=\{"schema")')

_EXAMPLES = (
    Example("sockfleet history import fleet.json", "what scan -o wrote"),
    Example("sockfleet history import scans/*.json", "many, in any order"),
)


@click.command("import", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("scan", nargs=-1, required=True, metavar="SCAN.json...")
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
@click.pass_context
def command(ctx: click.Context, /, *, scan: tuple[str, ...], store: str | None) -> None:
    """Save scans that "sockfleet scan --format json" wrote, "-" from standard input.

    A file may hold several scans, one after the other. A scan that the store has already changes
    nothing. Scans that are older than the store keeps them are summed up by hour and day.
    """
    from ....core.errors import UsageError
    from ....core.exit_codes import Exit
    from ....history.store.maintenance.retention import maintain, read_limits
    from ....history.store.opening import use_store
    from ....history.store.save import save_scan
    from ...console import streams
    from ...options.history_options import local_now

    new = known = 0
    code = Exit.OK
    with use_store(store, create=True) as opened:
        streams.warn_all(opened.notes, quiet=False)
        since = local_now() - read_limits(opened).keep_details
        for found in _read_all(scan):
            if isinstance(found, UsageError):
                streams.warn(f"error: {found}")
                code = Exit.USAGE
            elif save_scan(opened, found, details=found.scan.started_at >= since).is_new:
                new += 1
            else:
                known += 1
        maintain(opened, local_now(), most_s=None)
    streams.write(_report(new, known).encode())
    ctx.exit(code)


def _report(new: int, known: int) -> str:
    scans = "1 scan" if new == 1 else f"{new} scans"
    were = f"; {known} {'was' if known == 1 else 'were'} there already" if known else ""
    return f"{scans} imported{were}.\n"


def _read_all(names: Sequence[str]) -> Iterator[FleetSummary | UsageError]:
    """Each scan of each file, or the UsageError that it gives."""
    from ....aggregator.document_reader import read_document
    from ....aggregator.errors import DocumentError
    from ....core.errors import UsageError

    for name in names:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            yield UsageError(f"cannot read {name}: {error.strerror or error}")
            continue
        for document in _split(data):
            try:
                yield read_document(document)
            except DocumentError as error:
                yield UsageError(f"{name}: {error}")


def _split(data: bytes) -> list[bytes]:
    """The documents of a file, each of which begins a line as our own output does."""
    return [part for part in _NEXT.split(data) if part.strip()] or [data]

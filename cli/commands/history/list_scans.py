"""``sockfleet history list``: the scans that are saved."""

from __future__ import annotations

from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import color_option, option, store_option
from ...options.history_options import table_or_json, time_options

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet history list", "the last 20 scans"),
    Example("sockfleet history list --since yesterday -n 500", "all since then"),
)


@click.command("list", cls=HelpfulCommand, examples=_EXAMPLES)
@time_options(group=OptionGroup.SELECTION)
@option(
    "--fleet",
    metavar="KEY",
    envvar=None,
    help="Only scans of this inventory and limit: the begin of its key in the column FLEET.",
    group=OptionGroup.SELECTION,
    brief="Of this inventory and limit: its key",
)
@option(
    "-n",
    "--number",
    "number",
    type=click.IntRange(min=1),
    default=20,
    metavar="N",
    envvar=None,
    show_default=True,
    help="At most so many, the newest ones.",
    group=OptionGroup.SELECTION,
    brief="At most so many, the newest",
)
@table_or_json()
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
@color_option()
def command(**given: Any) -> None:
    """List the saved scans, the newest first.

    "last", "last-1" and the first characters of an ID name a scan for the other commands, and
    for "sockfleet scan --against".
    """
    from ....history.store.opening import use_store
    from ....history.store.read import list_scans
    from ....output.machine.history_documents import scan_list_document, write_document
    from ....output.text.over_time.history_tables import scan_table
    from ...console import streams, terminal
    from ...options.history_options import read_times

    since, until = read_times(given)
    with use_store(given["store"]) as store:
        rows = list_scans(
            store, since=since, until=until, fleet=given["fleet"], most=given["number"]
        )
        where = str(store.location)
    if given["format_name"] == "json":
        streams.write(write_document(scan_list_document(where, rows)))
    else:
        streams.write(scan_table(where, rows, terminal.render_options(given["color"])))

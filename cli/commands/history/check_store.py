"""``sockfleet history check``: whether a store is whole, and how large each part of it is."""

from __future__ import annotations

from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import store_option
from ...options.history_options import table_or_json

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet history check", "your own store"),
    Example("sockfleet history check --store /mnt/copy.db", "a copy"),
)


@click.command("check", cls=HelpfulCommand, examples=_EXAMPLES)
@table_or_json()
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Read everything in a store: what is damaged, its version, and its size by part.

    The exit code is 5 where something is damaged.
    """
    from ....core.exit_codes import Exit
    from ....history.store.maintenance.check import check_store
    from ....history.store.opening import use_store
    from ....output.machine.history_documents import check_document, write_document
    from ....output.text.over_time.history_tables import check_report
    from ...console import streams, terminal

    with use_store(given["store"]) as store:
        found = check_store(store)
        where = str(store.location)
    if given["format_name"] == "json":
        streams.write(write_document(check_document(where, found)))
    else:
        streams.write(check_report(where, found, terminal.render_options("auto")))
    for problem in found.problems:
        streams.warn(f"error: {problem}")
    ctx.exit(Exit.LOCAL if found.problems else Exit.OK)

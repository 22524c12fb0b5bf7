"""``sockfleet history export``: every reading of a time, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import option, store_option
from ...options.history_options import time_options

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet history export --since 7d -o week.csv", "a row for each reading"),
    Example("sockfleet history export -o all.parquet", "for pandas, DuckDB or Spark"),
)


@click.command("export", cls=HelpfulCommand, examples=_EXAMPLES)
@time_options(group=OptionGroup.SELECTION)
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    envvar=None,
    help="Write to this file, whole or not at all; its suffix is .csv, .ndjson or .parquet.",
    group=OptionGroup.OUTPUT,
    brief=".csv, .ndjson or .parquet",
)
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
def command(**given: Any) -> None:
    """Write every reading that the store has of a time, a row for each host and scan."""
    from ....history.store.export import export_rows
    from ....history.store.opening import use_store
    from ....output.machine.export_files import check_export_file, write_export
    from ...console import streams
    from ...options.history_options import read_times

    file = Path(given["file"])
    check_export_file(file)
    since, until = read_times(given)
    with use_store(given["store"]) as store:
        count = write_export(file, export_rows(store, since, until))
    streams.write(f"{count} rows written to {file}.\n".encode(errors="backslashreplace"))

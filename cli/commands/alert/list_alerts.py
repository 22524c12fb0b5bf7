"""``sockfleet alert list``: what fires, what waits to be sent, and the silences."""

from __future__ import annotations

from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import HelpfulCommand
from ...options.click_options import color_option, store_option
from ...options.history_options import table_or_json

__all__ = ["command"]


@click.command("list", cls=HelpfulCommand)
@table_or_json()
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
@color_option()
def command(**given: Any) -> None:
    """List the alerts that fire or are about to, what waits to be sent, and the silences."""
    from ....output.machine.alert_document import alert_list_document
    from ....output.machine.history_documents import write_document
    from ....output.text.over_time.alert_table import alert_table
    from ...console import streams, terminal
    from ...runs.alert_notes import read_overview

    overview = read_overview(given["store"])
    if given["format_name"] == "json":
        streams.write(write_document(alert_list_document(overview)))
    else:
        streams.write(alert_table(overview, terminal.render_options(given["color"])))

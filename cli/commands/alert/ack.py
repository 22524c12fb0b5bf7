"""``sockfleet alert ack``: acknowledge an alert."""

from __future__ import annotations

from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import option, store_option

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet alert ack held-closed web1", "the rule, and the host"),
    Example("sockfleet alert ack 'held-closed#1a2b3c4d|web1|3'", "the key of a notification"),
)


@click.command("ack", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("alert", nargs=-1, required=True, metavar="KEY | RULE SUBJECT")
@option(
    "--reason",
    metavar="TEXT",
    envvar=None,
    help="Why; sockfleet alert list shows it.",
    group=OptionGroup.SELECTION,
    brief="Why; sockfleet alert list shows it",
)
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
def command(alert: tuple[str, ...], **given: Any) -> None:
    """Acknowledge a firing alert: it is not repeated until it clears or gets worse."""
    from ....core.text import count_text
    from ...console import streams
    from ...runs.alert_notes import acknowledge_alerts

    count = acknowledge_alerts(given["store"], alert, given["reason"])
    streams.write(f"Acknowledged: {count_text(count, 'alert')}.\n".encode())

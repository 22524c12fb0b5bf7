"""``sockfleet alert silence``: keep alerts of some hosts from direct sinks for a time."""

from __future__ import annotations

from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import option, store_option

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet alert silence web1 --for 2h --reason upgrade", "a host, from now on"),
    Example(
        "sockfleet alert silence web --every 02:00-04:00 --for 90d --reason backup",
        "a window",
    ),
    Example("sockfleet alert silence --end 3", "end one before its time"),
)


@click.command("silence", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("pattern", required=False, metavar="[PATTERN]")
@option(
    "--for",
    "span",
    metavar="SPAN",
    envvar=None,
    help="How long: 2h, 3d, 1w.",
    group=OptionGroup.SELECTION,
    brief="How long: 2h, 3d, 1w",
)
@option(
    "--rule",
    metavar="NAME",
    envvar=None,
    help="Alerts of this rule alone.",
    group=OptionGroup.SELECTION,
    brief="Alerts of this rule alone",
)
@option(
    "--every",
    metavar="WINDOW",
    envvar=None,
    help="Only within a window: Sat,Sun 02:00-04:00, mon-fri 22:00-06:00, or 02:00-04:00.",
    group=OptionGroup.SELECTION,
    brief="Only within: Sat,Sun 02:00-04:00",
)
@option(
    "--zone",
    metavar="ZONE",
    envvar=None,
    help="The time zone of --every, such as Europe/Berlin.  [default: that of this machine]",
    group=OptionGroup.SELECTION,
    brief="Time zone of --every: Europe/Berlin",
)
@option(
    "--reason",
    metavar="TEXT",
    envvar=None,
    help="Why; notes and lists show it.",
    group=OptionGroup.SELECTION,
    brief="Why; notes and lists show it",
)
@option(
    "--end",
    metavar="ID",
    type=int,
    envvar=None,
    help="End this silence now.",
    group=OptionGroup.SELECTION,
    brief="End this silence now",
)
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
def command(pattern: str | None, **given: Any) -> None:
    """Keep alerts of the hosts of a pattern from mail, webhooks, PagerDuty and commands.

    An alert that fires in a silence is sent after it, if it still fires. An Alertmanager has
    silences of its own and gets every alert.
    """
    from ...console import streams
    from ...runs.alert_notes import end_silence, make_silence

    if given["end"] is not None:
        end_silence(given["store"], given["end"])
        streams.write(f"Silence {given['end']} has ended.\n".encode())
        return
    streams.write(f"{make_silence(pattern, given)}\n".encode())

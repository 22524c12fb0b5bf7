"""``sockfleet history prune``: drop what is older or larger than the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import option, store_option

if TYPE_CHECKING:
    from ....history.store.maintenance.retention import Limits, Pruned

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet history prune --dry-run", "what would go"),
    Example("sockfleet history prune --keep 60d --remember", "from now on"),
)


@click.command("prune", cls=HelpfulCommand, examples=_EXAMPLES)
@option(
    "--keep",
    metavar="SPAN",
    envvar=None,
    help="The numbers and failures of each scan.  [default: 30d]",
    group=OptionGroup.LIMITS,
    brief="Numbers of each scan [30d]",
)
@option(
    "--keep-details",
    metavar="SPAN",
    envvar=None,
    help="The whole document of each scan, with namespaces and processes.  [default: 2d]",
    group=OptionGroup.LIMITS,
    brief="Whole documents, with processes [2d]",
)
@option(
    "--keep-hourly",
    metavar="SPAN",
    envvar=None,
    help="The medians of each hour; those of each day stay.  [default: 90d]",
    group=OptionGroup.LIMITS,
    brief="Medians of hours; days stay [90d]",
)
@option(
    "--max-size",
    metavar="SIZE",
    envvar=None,
    help="Of the whole store, such as 2GB: the oldest scans go first.  [default: none]",
    group=OptionGroup.LIMITS,
    brief="Of the store: the oldest scans go first",
)
@option(
    "--remember",
    is_flag=True,
    envvar=None,
    help="Use these limits for this store from now on, after each save too.",
    group=OptionGroup.LIMITS,
    brief="Use these limits after each save too",
)
@option(
    "--dry-run",
    is_flag=True,
    envvar=None,
    help="Count what is too old, and drop nothing.",
    group=OptionGroup.LIMITS,
    brief="Count what is too old; drop nothing",
)
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
def command(**given: Any) -> None:
    """Drop what a store keeps longer than its limits, and say what went.

    A scan that is saved does this by itself; a day of scans is summed up by hour and day before
    it goes.
    """
    from ....core.errors import UsageError
    from ....history.store.maintenance.retention import prune, read_limits, remember_limits
    from ....history.store.opening import use_store
    from ...console import streams
    from ...options.history_options import local_now

    if given["remember"] and given["dry_run"]:
        raise UsageError("--remember and --dry-run exclude each other")
    with use_store(given["store"]) as store:
        limits = _limits(given, read_limits(store))
        if given["remember"]:
            remember_limits(store, limits)
        pruned = prune(store, limits, local_now(), dry_run=given["dry_run"])
        where = str(store.location)
    streams.write(_report(pruned, where, dry_run=given["dry_run"]).encode())


def _limits(given: Mapping[str, Any], known: Limits) -> Limits:
    from dataclasses import replace

    from ....history.moments import parse_duration, parse_size

    chosen: dict[str, Any] = {
        name: parse_duration(given[name])
        for name in ("keep", "keep_details", "keep_hourly")
        if given[name] is not None
    }
    if given["max_size"] is not None:
        chosen["max_size"] = parse_size(given["max_size"])
    return replace(known, **chosen)


def _report(pruned: Pruned, where: str, *, dry_run: bool) -> str:
    from ....core.text import count_text
    from ....output.text.style import format_memory

    counts = (
        count_text(pruned.scans, "scan"),
        f"the details of {count_text(pruned.details, 'other')}",
        count_text(pruned.hours, "hour"),
    )
    went = f"{', '.join(counts[:2])} and the medians of {counts[2]}"
    if dry_run:
        return f"Too old in {where}: {went}. Nothing was dropped.\n"
    now = format_memory(pruned.bytes_after)
    return f"Dropped from {where}: {went}. It takes {now} now.\n"

"""The options that the commands of ``sockfleet history`` share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...history.moments import MOMENT_HELP, parse_moment
from ...scan.option_declaration import OptionGroup
from .click_options import Decorator, combine, option
from .parameter_types import WordChoice

__all__ = ["local_now", "read_times", "table_or_json", "time_options"]


def time_options(since: str | None = None, **settings: Any) -> Decorator:
    """--since and --until."""
    default = f"  [default: {since}]" if since else ""
    return combine(
        option(
            "--since",
            metavar="TIME",
            envvar=None,
            default=since,
            help=f"From then on: {MOMENT_HELP}.{default}",
            brief="From then on: 2d, Monday, 14 Nov, ...",
            **settings,
        ),
        option(
            "--until",
            metavar="TIME",
            envvar=None,
            help="Before then.  [default: now]",
            brief="Before then",
            **settings,
        ),
    )


def table_or_json() -> Decorator:
    """--format of the commands that show what the store has."""
    return option(
        "-f",
        "--format",
        "format_name",
        type=WordChoice(["table", "json"]),
        default="table",
        envvar=None,
        help="table or json.  [default: table]",
        group=OptionGroup.OUTPUT,
        brief="table or json",
    )


def local_now() -> datetime:
    """The time, with the time zone of this machine."""
    return datetime.now().astimezone()


def read_times(given: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """The moments of --since and --until; raises UsageError for a text that is no time."""
    now = local_now()
    since, until = given["since"], given["until"]
    return (
        None if since is None else parse_moment(since, now),
        None if until is None else parse_moment(until, now),
    )

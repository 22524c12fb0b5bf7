"""``sockfleet history trend``: who leaks sockets, since when, how fast, until which limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import color_option, option, store_option
from ...options.history_options import table_or_json, time_options

if TYPE_CHECKING:  # --help needs none of it
    from ....history.fleet_trends import FleetTrends
    from ....history.trends.classify import Kind

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet history trend", "who leaks, of the last 14 days"),
    Example("sockfleet history trend web1 web2", "these hosts"),
    Example("sockfleet history trend --kind leak -f json", "the leaks, for a program"),
    Example("sockfleet history trend --metric mem_pages", "TCP's memory against tcp_mem"),
    Example("sockfleet history trend --namespaces", "containers and units, one by one"),
)


@click.command("trend", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("host", nargs=-1, metavar="[HOST]...")
@option(
    "-l",
    "--limit",
    "pattern",
    metavar="PATTERN",
    envvar=None,
    help="Only these hosts: an Ansible pattern over the names and groups that the store knows.",
    group=OptionGroup.SELECTION,
    brief="Only these hosts: an Ansible pattern",
)
@option(
    "--metric",
    default="tcp_close",
    metavar="NAME",
    envvar=None,
    help="tcp_close, alloc, orphan, mem_pages, sockets_used or another number of a host.  "
    "[default: tcp_close]",
    group=OptionGroup.SELECTION,
    brief="The number: alloc, orphan, mem_pages, ...",
)
@time_options("14d", group=OptionGroup.SELECTION)
@option(
    "--kind",
    metavar="KIND,...",
    envvar=None,
    help="Only these kinds: leak, sawtooth, step, recovered, restarted, too-early, normal.  "
    "[default: the table lists all but the last two]",
    group=OptionGroup.SELECTION,
    brief="Only these: leak, step, sawtooth, ...",
)
@option(
    "--limit-at",
    type=click.FloatRange(min=0),
    metavar="N",
    envvar=None,
    help="A limit of the number on every host; the time until it is met is shown. The limits that "
    "the store knows (open files of the holder, file-max, tcp_mem, tcp_max_orphans) count too.",
    group=OptionGroup.SELECTION,
    brief="Say when the number meets N",
)
@option(
    "--groups",
    "of_groups",
    is_flag=True,
    envvar=None,
    help="The sum of each group instead of its hosts. A host that was not read counts with its "
    "last value.",
    group=OptionGroup.SELECTION,
    brief="The sum of each group, instead of hosts",
)
@option(
    "--namespaces",
    "of_namespaces",
    is_flag=True,
    envvar=None,
    help="Each network namespace instead of whole hosts, by the name of its container, pod or "
    "systemd unit: tcp_close (an upper bound), inuse, inuse6, tw or sockets_used.",
    group=OptionGroup.SELECTION,
    brief="Each container and unit, instead of hosts",
)
@table_or_json()
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
@color_option()
def command(host: tuple[str, ...], **given: Any) -> None:
    """Show which hosts leak sockets, since when, how fast, and when they meet a limit.

    \f
    A leak rises steadily and still does; a restart does not hide it. Findings are no failure: the
    exit code is 0. docs/trends.md says how they are found and how often they are wrong.
    """
    from ....core.errors import UsageError
    from ....history.fleet_trends import read_namespace_trends, read_trends
    from ....history.store.opening import use_store
    from ....output.machine.history_documents import trend_document, write_document
    from ....output.text.over_time.trend_table import trend_table
    from ...console import streams, terminal
    from ...options.history_options import local_now, read_times

    kinds = None if given["kind"] is None else _parse_kinds(given["kind"].split(","))
    if host and given["pattern"] is not None:
        raise UsageError("HOST and --limit exclude each other")
    if given["of_groups"] and given["of_namespaces"]:
        raise UsageError("--groups and --namespaces exclude each other")
    pattern = ",".join(host) or given["pattern"]
    since, until = read_times(given)
    end = local_now() if until is None else until
    with use_store(given["store"]) as store:
        if given["of_namespaces"]:
            read: Callable[..., FleetTrends] = read_namespace_trends
        else:
            read = partial(read_trends, of_groups=given["of_groups"])
        trends = read(
            store,
            given["metric"],
            since or end,
            end,
            pattern=pattern,
            limit_at=given["limit_at"],
        )
        where = str(store.location)
    for note in trends.notes:
        streams.warn(note)
    if given["format_name"] == "json":
        streams.write(write_document(trend_document(where, trends, kinds)))
    else:
        streams.write(trend_table(trends, kinds, terminal.render_options(given["color"])))


def _parse_kinds(words: Iterable[str]) -> frozenset[Kind]:
    from ....core.errors import UsageError
    from ....history.trends.classify import Kind

    try:
        return frozenset(Kind(word.strip()) for word in words)
    except ValueError as error:
        raise UsageError(f"--kind: {error}; there are {', '.join(Kind)}") from error

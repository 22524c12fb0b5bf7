"""``sockfleet report``: who leaks, since when, how fast, and when that hurts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ...scan.option_declaration import OptionGroup
from ..configuration.config_option import configuration_options
from ..help_screen import Example, HelpfulCommand
from ..options.click_options import color_option, combine, option, store_option
from ..options.history_options import time_options
from ..options.parameter_types import Number, WholeNumber, WordChoice

if TYPE_CHECKING:  # --help needs none of it
    from ...history.report.build import Wishes
    from ...history.report.model import FleetReport
    from ...history.store.database.connection import Store
    from ...inventory.models import Inventory
    from ..runs.report_outputs import ReportOutputs

__all__ = ["command"]

_REASONS = ("leak", "failed", "changed")

_EXAMPLES = (
    Example("sockfleet report", "the last 14 days of the saved scans"),
    Example("sockfleet report --html week.html --since 1w", "a page for a browser"),
    Example("sockfleet report scan-*.json", "of scans in files"),
    Example("sockfleet report --against yesterday -f json", "for a program"),
)


def _mail_options() -> Callable[..., Any]:
    group = OptionGroup.MAIL
    return combine(
        option(
            "--mail",
            metavar="FILE",
            is_path=True,
            help="Write the whole mail to a file, as --send sends it.",
            group=group,
            brief="Write the whole mail to a file",
        ),
        option(
            "--send/--no-send",
            default=False,
            help="Send the mail: to the server of --smtp, else by the sendmail of this machine.",
            group=group,
            brief="Send it",
        ),
        option(
            "--mail-to",
            multiple=True,
            metavar="ADDRESS",
            help="Who gets the mail; repeatable.",
            group=group,
            brief="Who gets it",
        ),
        option(
            "--mail-from",
            metavar="ADDRESS",
            help="Who sends the mail.",
            group=group,
            brief="Who sends it",
        ),
        option(
            "--smtp",
            metavar="URL",
            help="The mail server: smtp://[USER@]HOST[:PORT] with STARTTLS, or smtps://.  "
            "[default: sendmail]",
            group=group,
            brief="smtp://[USER@]HOST[:PORT], or sendmail",
        ),
        option(
            "--smtp-password-file",
            metavar="FILE",
            is_path=True,
            help="The password of the login at --smtp: the first line of the file.  [default: "
            "SOCKFLEET_SMTP_PASSWORD]",
            group=group,
        ),
        option(
            "--only-if",
            metavar="WHAT,...",
            help="Print and mail only if there is a leak, a host that was not read (failed), or "
            "something that no mail named yet (changed); --html and --markdown are always written.",
            group=group,
            brief="Silent without leak, failed or changed",
        ),
    )


@click.command("report", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("scan", nargs=-1, metavar="[SCAN.json]...")
@time_options("14d", group=OptionGroup.SELECTION)
@option(
    "-l",
    "--limit",
    "pattern",
    metavar="PATTERN",
    help="Only these hosts: an Ansible pattern over the names and groups that the store knows.",
    group=OptionGroup.SELECTION,
    brief="Only these hosts: an Ansible pattern",
)
@store_option(group=OptionGroup.SELECTION)
@option(
    "--against",
    metavar="TIME|ID|FILE",
    help="Count changes from the last scan of that time, a saved scan (last-1, an ID), or a scan "
    "in a file.  [default: the first scan of --since]",
    group=OptionGroup.COMPARISON,
    brief="Count changes from then: 2d, ID, FILE",
)
@option(
    "--group-by",
    metavar="GROUP|VAR",
    help="Divide the fleet by what the last scan was grouped by (scan --save --group-by), else by "
    "a group's children or a variable of --inventory.  [default: by the largest groups]",
    group=OptionGroup.SELECTION,
    brief="Sums by group or variable",
)
@option(
    "--inventory",
    multiple=True,
    metavar="FILE",
    help="The inventory whose groups and variables --group-by may name.",
    group=OptionGroup.SELECTION,
    brief="The inventory that --group-by is of",
)
@option(
    "--limit-at",
    type=Number(min=0),
    metavar="N",
    help="A limit of closed sockets on every host; the time until it is met is shown. The open "
    "files of the holder count too, where --processes read them.",
    group=OptionGroup.SELECTION,
)
@option(
    "--title",
    metavar="TEXT",
    help="What the report calls the fleet.  [default: its inventory]",
    group=OptionGroup.OUTPUT,
)
@option(
    "--html",
    metavar="FILE",
    is_path=True,
    help="Write one page that needs nothing else: no network, no script.",
    group=OptionGroup.OUTPUT,
    brief="One page for a browser, offline",
)
@option(
    "--markdown",
    metavar="FILE",
    is_path=True,
    help="Write Markdown, for a ticket or a chat.",
    group=OptionGroup.OUTPUT,
    brief="For a ticket or a chat",
)
@option(
    "-f",
    "--format",
    "report_format",
    type=WordChoice(["text", "json"]),
    envvar=None,
    help="What standard output gets: text or json. Nothing goes there with --html, --markdown, "
    "--mail or --send alone.  [default: text]",
    group=OptionGroup.OUTPUT,
    brief="text or json",
)
@option(
    "--top",
    type=WholeNumber(min=1),
    metavar="N",
    help="At most N leaks in the text.  [default: 10]",
    group=OptionGroup.OUTPUT,
)
@option(
    "--mode",
    metavar="OCTAL",
    help="Rights of the files, such as 0640.  [default: an existing file's; 0600 for a new one]",
    group=OptionGroup.OUTPUT,
)
@_mail_options()
@configuration_options()
@color_option()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Report who leaks: since when, how fast, and when it meets its limit.

    \f
    It is made from the store (sockfleet scan --save), or from scans in files. docs/reports.md shows
    the way to a mail each Monday. Findings are no failure: the exit code is 0.
    """
    from ...core.errors import UsageError
    from ...history.store.opening import use_store
    from ...scan.saved_scans import read_scan
    from ..options.history_options import local_now, read_times
    from ..runs.report_outputs import ReportOutputs

    reasons = _parse_reasons(given["only_if"])
    outputs = ReportOutputs(given)
    since, until = read_times(given)
    end = until or local_now()
    if not given["scan"]:
        with use_store(given["store"]) as store:
            wishes = _wishes(store, given, since or end, end)
            _report(store, wishes, outputs, reasons, source=str(store.location))
        return
    if given["send"]:
        raise UsageError("--send needs a store, which knows what earlier mails said")
    from ...history.report.scan_files import temporary_store

    with temporary_store(read_scan(name) for name in given["scan"]) as (store, first, last):
        if ctx.get_parameter_source("since") is not click.core.ParameterSource.DEFAULT:
            first = since or first
        wishes = _wishes(store, given, first, last if until is None else until)
        _report(store, wishes, outputs, reasons, source=None)


def _parse_reasons(text: str | None) -> frozenset[str] | None:
    from ...core.errors import UsageError

    if text is None:
        return None
    reasons = frozenset(word.strip() for word in text.split(","))
    if unknown := sorted(reasons.difference(_REASONS)):
        raise UsageError(f"--only-if: {unknown[0]!r} is none of {', '.join(_REASONS)}")
    return reasons


def _wishes(store: Store, given: Mapping[str, Any], since: Any, until: Any) -> Wishes:
    from ...history.report.build import Wishes

    against, baseline = _read_against(store, given["against"])
    return Wishes(
        since=since,
        until=until,
        against=against,
        baseline=baseline,
        pattern=given["pattern"],
        group_by=given["group_by"],
        read_inventory=_inventory_reader(given["inventory"]),
        title=given["title"],
        limit_at=given["limit_at"],
        next_command=_next_command,
    )


def _inventory_reader(sources: Sequence[str]) -> Callable[[], Inventory] | None:
    """The function that reads the inventory of ``--group-by``; None where none is named."""
    import sys

    from ...inventory.sources.load import load_inventory
    from ..console import streams

    if not sources:
        return None

    def read() -> Inventory:
        inventory = load_inventory(sources, stdin=sys.stdin.buffer)
        streams.warn_all(inventory.notes, quiet=False)
        return inventory

    return read


def _read_against(store: Store, text: str | None) -> tuple[Any, Mapping[str, float] | None]:
    """The time that ``--against`` names, and the numbers of a scan that is in a file."""
    from pathlib import Path

    from ...core.errors import UsageError
    from ...history.moments import parse_moment
    from ...history.store.read import find_scan, is_scan_name
    from ...scan.saved_scans import read_scan
    from ..options.history_options import local_now

    if text is None:
        return None, None
    if Path(text).is_file():
        scan = read_scan(text)
        numbers = {
            host.name: float(host.tcp.tcp_close)
            for host in scan.hosts
            if host.tcp is not None and host.tcp.tcp_close is not None
        }
        return scan.scan.started_at, numbers
    try:
        return parse_moment(text, local_now()), None
    except UsageError:
        if not is_scan_name(text):
            raise
    return find_scan(store, text).started_at, None


def _next_command(host: str, inventories: Sequence[str]) -> str | None:
    import shlex

    from ...core.program import program_words

    if "-" in inventories or not inventories:
        return None
    sources = [word for each in inventories for word in ("--inventory", each)]
    return shlex.join([*program_words(), "explain", "--host", host, *sources, "--processes"])


def _report(
    store: Store,
    wishes: Wishes,
    outputs: ReportOutputs,
    reasons: frozenset[str] | None,
    *,
    source: str | None,
) -> None:
    from ...history.report.build import build_report
    from ...history.report.mailed import mark_known, read_mailed, remember_mailed
    from ..console import streams

    report, notes = build_report(store, wishes, source=source)
    streams.warn_all(notes, quiet=False)
    name = f"{report.title}\n{wishes.pattern or ''}"
    report, is_changed = mark_known(report, read_mailed(store, name))
    outputs.write_page(report)
    if not _is_wanted(report, reasons, is_changed=is_changed):
        return
    outputs.print(report)
    if outputs.mails:
        outputs.mail(report)
        remember_mailed(store, name, report)


def _is_wanted(report: FleetReport, reasons: frozenset[str] | None, *, is_changed: bool) -> bool:
    return reasons is None or (
        ("leak" in reasons and bool(report.leaks))
        or ("failed" in reasons and bool(report.failed))
        or ("changed" in reasons and is_changed)
    )

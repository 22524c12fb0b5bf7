"""``sockfleet check``: a monitoring plugin, for Nagios, Icinga, Naemon, Checkmk and Sensu."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from ...core.errors import SockfleetError
from ...scan.option_declaration import OptionGroup
from ..configuration.config_option import configuration_options
from ..help_screen import Example, HelpfulCommand
from ..options.click_options import (
    CONNECTION,
    PACE,
    PROBE,
    SCALE,
    inventory_argument,
    option,
    scan_options,
    store_option,
    verbose_option,
)
from ..options.parameter_types import Number
from ..usage_errors import describe_usage_error

__all__ = ["command"]

_UNKNOWN = 3


class MonitoringCommand(HelpfulCommand):
    """Every error, and --help, is the state UNKNOWN: never the exit code of another command.

    https://www.monitoring-plugins.org/doc/guidelines.html#AEN78
    """

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.exceptions.Exit as ended:
            raise click.exceptions.Exit(_UNKNOWN) from ended  # --help has shown its text
        except click.ClickException as error:
            _exit_unknown(describe_usage_error(error))
        except SockfleetError as error:  # sockfleet.toml
            _exit_unknown(str(error))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except click.ClickException as error:
            _exit_unknown(describe_usage_error(error))
        except SockfleetError as error:
            _exit_unknown(str(error))
        except BrokenPipeError as error:
            raise click.exceptions.Exit(_UNKNOWN) from error
        except Exception as error:  # a plugin that dies with Python's exit code 1 is a WARNING
            if ctx.params.get("verbose"):
                traceback.print_exc()
            _exit_unknown(
                f"an error of sockfleet itself, -v shows it: {type(error).__name__}: {error}"
            )


def _resolve_source(ctx: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    """Where hosts and a saved scan are both configured, the one on the command line wins."""
    unnamed = {
        name
        for name in ("inventory", "limit", "shard", "from_file")
        if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE
    }
    if "inventory" not in unnamed and "from_file" in unnamed:
        given["from_file"] = None
    if given["from_file"]:
        given |= dict.fromkeys(unnamed & {"inventory", "limit", "shard"})
    return given


def _exit_unknown(problem: str) -> NoReturn:
    from ...alerting.levels.state import State
    from ...output.text.monitoring_plugin import failure_text

    with suppress(SockfleetError, BrokenPipeError):  # the reader is gone: the exit code is enough
        _print(failure_text(State.UNKNOWN, problem))
    raise click.exceptions.Exit(_UNKNOWN)


def _print(text: str) -> None:
    from ..console import streams

    streams.write(text.encode("utf-8", "backslashreplace"))


_EXAMPLES = (
    Example("sockfleet check inventory.yml", "read the hosts now"),
    Example("sockfleet check --from fleet.json --max-age 900", "judge what cron wrote"),
    Example("sockfleet check inventory.yml -c worst.tcp_close=5000", "any one host"),
    Example("sockfleet check --from fleet.json -w failed_percent=5", "hosts that failed"),
    Example("sockfleet check inventory.yml --against fleet.json -w growth.tcp_close=99", "growth"),
)


@click.command("check", cls=MonitoringCommand, examples=_EXAMPLES)
@inventory_argument(required=False)
@option(
    "--from",
    "from_file",
    metavar="SCAN.json",
    is_path=True,
    help='Judge a saved scan instead of reading the hosts; "-" is standard input.',
    group=OptionGroup.SELECTION,
    brief="Judge a saved scan, read no host",
)
@option(
    "--max-age",
    type=Number(min=0),
    default=7200.0,
    metavar="S",
    help="A saved scan that is older is UNKNOWN; 0 takes any.  [default: 7200]",
    group=OptionGroup.SELECTION,
    brief="UNKNOWN if --from is older",
)
@option(
    "-w",
    "--warning",
    multiple=True,
    metavar="KEY=RANGE",
    help="WARNING where the number is outside the range; repeatable.",
    group=OptionGroup.LEVELS,
    brief="WARNING outside the range",
)
@option(
    "-c",
    "--critical",
    multiple=True,
    metavar="KEY=RANGE",
    help="CRITICAL where the number is outside the range; repeatable.",
    group=OptionGroup.LEVELS,
    brief="CRITICAL outside the range",
)
@scan_options("against")
@store_option(group=OptionGroup.COMPARISON, brief=None)
@scan_options("limit", "shard", *CONNECTION, *PROBE)
@scan_options(
    *PACE,
    *SCALE,
    # In a monitoring plugin -c is --critical and -t the time for everything, which is limited.
    concurrency={"flags": ("--concurrency",)},
    deadline_s={
        "flags": ("-t", "--deadline"),
        "default": 50.0,
        "help": "The whole run.  [default: 50]",
    },
)
@configuration_options()
@verbose_option()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Report the state of the fleet to a monitoring system by exit codes 0 to 3.

    KEY is tcp_close, closed, orphan, failed and more, also worst.KEY and growth.KEY. RANGE is as in
    other plugins: 10, 10:, ~:10, 10:20 or @10:20.

    \f
    One status line with performance data and more lines below, as the Monitoring Plugins
    guidelines say; exit code 0 OK, 1 WARNING, 2 CRITICAL,
    3 UNKNOWN. It reads the hosts now, or judges a scan from cron: "--from SCAN.json".

    KEY is a number of the fleet (tcp_close, closed, orphan, alloc, tw, mem_pages), of the host
    where it is highest (worst.tcp_close), its growth per hour since the scan of --against
    (growth.tcp_close, worst.growth.tcp_close), a percentage of a kernel's limit
    (worst.orphan_percent, worst.mem_percent, worst.mem_pressure_percent), a diagnosis
    (diagnosed.held-closed, worst.diagnosis), or hosts (failed, failed_percent, read, new, gone,
    lost, recovered, rebooted). apart.tcp_close is how many times the median of its group a host
    has, change_percent.tcp_close the change in percent, age_s the age of the scan. The scans of
    --store give past.tcp_close (robust standard deviations above a host's own past),
    hours_to.tcp_mem, hours_to.orphans, hours_to.nofile and unread_scans.

    RANGE is as in all such plugins: 10 alerts below 0 and above 10, "~:10" above 10, "10:" below
    10, "10:20" outside, "@10:20" inside.

    Without any level a host that is diagnosed held-closed, container-held, orphans or worse is a
    WARNING, and the kernel's own limits count: worst.orphan_percent 25 and 50,
    worst.mem_pressure_percent 100, worst.mem_percent 90; a host that gave too few counters for a
    diagnosis is UNKNOWN. Failed hosts are a WARNING unless a level for them is given; no host read
    at all is CRITICAL.
    """
    from ..console.streams import open_missing_streams
    from ..runs.check_run import Check

    open_missing_streams()
    text, state = Check(_resolve_source(ctx, given)).run()
    _print(text)
    ctx.exit(state)

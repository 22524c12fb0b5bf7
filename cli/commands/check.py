"""``sockfleet check``: a monitoring plugin, for Nagios, Icinga, Naemon, Checkmk and Sensu."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from ...core.errors import SockfleetError
from ..click_options import (
    CONNECTION,
    PACE,
    PROBE,
    SCALE,
    inventory_argument,
    option,
    scan_options,
)
from ..configuration.config_option import configuration_options

__all__ = ["command"]

_UNKNOWN = 3


class MonitoringCommand(click.Command):
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
            _exit_unknown(f"{error.format_message()} (sockfleet check --help)")
        except SockfleetError as error:  # sockfleet.toml
            _exit_unknown(str(error))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except click.ClickException as error:
            _exit_unknown(error.format_message())
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
    from ...alerting.state import State
    from ...output.text.monitoring_plugin import failure_text

    with suppress(SockfleetError, BrokenPipeError):  # the reader is gone: the exit code is enough
        _print(failure_text(State.UNKNOWN, problem))
    raise click.exceptions.Exit(_UNKNOWN)


def _print(text: str) -> None:
    from .. import streams

    streams.write(text.encode("utf-8", "backslashreplace"))


@click.command("check", cls=MonitoringCommand)
@inventory_argument(required=False)
@option(
    "--from",
    "from_file",
    metavar="SCAN.json",
    is_path=True,
    help='Judge a saved scan instead of reading the hosts; "-" is standard input.',
)
@option(
    "--max-age",
    type=click.FloatRange(min=0),
    default=7200.0,
    metavar="S",
    help="A saved scan that is older is UNKNOWN; 0 takes any.  [default: 7200]",
)
@option(
    "-w",
    "--warning",
    multiple=True,
    metavar="KEY=RANGE",
    help="WARNING where the number is outside the range; repeatable.",
)
@option(
    "-c",
    "--critical",
    multiple=True,
    metavar="KEY=RANGE",
    help="CRITICAL where the number is outside the range; repeatable.",
)
@scan_options("against", "limit", "shard", *CONNECTION, *PROBE)
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
@option("-v", "--verbose", count=True, help="Print more on stderr; -vv for debugging.")
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Report the state of the fleet to a monitoring system (Monitoring Plugins guidelines).

    One status line with performance data, more lines below; exit code 0 OK, 1 WARNING, 2 CRITICAL,
    3 UNKNOWN. It reads the hosts now, or judges a scan from cron: "--from SCAN.json".

    KEY is a number of the fleet (tcp_close, closed, orphan, alloc, tw, mem_pages), of the host
    where it is highest (worst.tcp_close), its growth per hour since the scan of --against
    (growth.tcp_close, worst.growth.tcp_close), a percentage of a kernel's limit
    (worst.orphan_percent, worst.mem_percent, worst.mem_pressure_percent), a diagnosis
    (diagnosed.held-closed, worst.diagnosis), or hosts (failed, failed_percent, read, new, gone,
    lost, recovered, rebooted).

    RANGE is as in all such plugins: 10 alerts below 0 and above 10, "~:10" above 10, "10:" below
    10, "10:20" outside, "@10:20" inside.

    Without any level a host that is diagnosed held-closed, container-held, orphans or worse is a
    WARNING, and the kernel's own limits count: worst.orphan_percent 25 and 50,
    worst.mem_pressure_percent 100, worst.mem_percent 90. Failed hosts are a WARNING unless a level
    for them is given; no host read at all is CRITICAL.
    """
    from ..check_run import Check
    from ..streams import open_missing_streams

    open_missing_streams()
    text, state = Check(_resolve_source(ctx, given)).run()
    _print(text)
    ctx.exit(state)

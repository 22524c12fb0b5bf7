"""``sockfleet demo``: a simulated fleet, scanned for real, and compared with the truth."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ...collector.runtime.signals import STOP_SIGNALS, replace_handlers
from ...core.exit_codes import Exit, code_for_signal
from ...core.program import program_words
from ...simulator.fleet.process import FleetProcess
from ...simulator.scenario.scenario import SimulatedHost
from ...simulator.scenario.scenario_file import MOST_HOSTS
from ...simulator.scenario.verdict import find_differences
from ..help_screen import Example, HelpfulCommand, example_lines
from ..options.parameter_types import WholeNumber
from ..runs.output_files import check_writable

__all__ = ["command"]

_SCAN_ENDS_S = 5.0

_HOW_TO_READ = "TCP_CLOSE is what programs hold and nobody uses; thousands that grow are a leak."
_CONFIGURATION = """\
# The fleet of sockfleet demo: with SOCKFLEET_CONFIG, commands need no other option.
[defaults]
inventory = ["inventory.yml"]
known-hosts = ["known_hosts"]
"""
_LINES_BELOW = 12
"""What is printed below the table; on a terminal, both are to be on the screen."""
_FEWEST_LINES = 12
_USUAL_OPEN_FILES = 65_536
"""What units of services often set as LimitNOFILE, as a limit for the made report."""


class _Stopped(SystemExit):
    """A signal ends this process; the context managers clean up on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(code_for_signal(number))


_EXAMPLES = (
    Example("sockfleet demo", "32 hosts that answer, 3 that fail"),
    Example("sockfleet demo --keep", "the fleet stays for your commands"),
    Example("sockfleet demo --report demo.html", "a page with a made fortnight"),
)


@click.command("demo", cls=HelpfulCommand, examples=_EXAMPLES)
@click.option(
    "--hosts",
    type=WholeNumber(1, MOST_HOSTS),
    metavar="N",
    help="Hosts in all (default: as many as the scenario has).",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What to simulate (YAML; examples/scenario.yml shows how).",
)
@click.option(
    "--seed", type=WholeNumber(0), metavar="N", help="Other numbers for the same scenario."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report of a made fortnight that ends in this scan: a page for a browser.",
)
@click.option(
    "--keep/--no-keep",
    default=None,
    help="Keep the fleet running after the scan, until Ctrl-C.  [default: keep, on a terminal]",
)
def command(
    *,
    hosts: int | None,
    scenario: Path | None,
    seed: int | None,
    report: Path | None,
    keep: bool | None,
) -> None:
    """Scan a simulated fleet of real SSH servers on this machine.

    It needs no setup and leaves nothing behind: the servers listen on loopback addresses, and their
    keys and the inventory are in a temporary folder. Exits with 0 if the scan reports every host
    as the simulation planned it, with its true numbers; else with 1.
    """
    if keep is None:
        keep = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    if report is not None:
        check_writable(f"--report {report}", report)
    with (
        _stop_on_signals(),
        tempfile.TemporaryDirectory(prefix="sockfleet-demo-") as folder,
        FleetProcess(Path(folder), scenario, hosts=hosts, seed=seed) as fleet,
    ):
        differing = _scan_and_compare(fleet, Path(folder))
        if report is not None:
            _write_report(Path(folder) / "scan.json", report)
        if keep:
            _print_commands_for_fleet(Path(folder))
            _wait_until_stopped(fleet)
        elif not differing:
            _print_commands()
    sys.exit(Exit.FAILED if differing else Exit.OK)


def _scan_and_compare(fleet: FleetProcess, folder: Path) -> bool:
    saved = folder / "scan.json"
    arguments = ["scan", str(fleet.inventory), "--known-hosts", str(fleet.known_hosts)]
    # The fleet's inventory names all that a login needs: nothing of this user's is read.
    arguments += ["--ssh-config", "none", "--no-agent"]
    arguments += ["--format", "table", "-o", str(saved)]
    click.echo(f"{len(fleet.hosts)} simulated hosts answer on port {fleet.port} of 127.64.0.0/10.")
    click.echo(f"$ sockfleet {shlex.join(arguments)}\n")
    _run(arguments)
    click.echo()
    differing = list(_find_differences(saved, fleet.hosts))
    if differing:
        click.echo("This is not what was simulated:")
        for line in differing:
            click.echo(f"  {line}")
    else:
        plan = f"All as simulated: {_describe_plan(fleet.hosts)}."
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        columns = shutil.get_terminal_size().columns
        click.echo(click.wrap_text(plan, columns) if is_terminal else plan)
        click.echo(_HOW_TO_READ)
    return bool(differing)


def _print_commands() -> None:
    click.echo("\nWhere to go next:")
    _echo_commands(
        (["demo", "--keep"], "the fleet again, to try commands on it"),
        (["explain"], "the arithmetic, for this machine"),
    )


def _print_commands_for_fleet(folder: Path) -> None:
    configuration = folder / "sockfleet.toml"
    configuration.write_text(_CONFIGURATION)
    click.echo("\nThe fleet answers until you press Ctrl-C. In another terminal, in this folder:")
    click.echo(f"  export SOCKFLEET_CONFIG={shlex.quote(str(configuration))}")
    commands = [
        (["scan", "--against", str(folder / "scan.json")], "what grew since"),
        (["check"], "for a monitoring system"),
        (["scan", "--repeat", "3", "--interval", "2"], "over open connections"),
    ]
    worst = _find_worst(folder / "scan.json")
    if worst is not None:
        commands.insert(0, (["explain", "--host", worst], "the host that holds most"))
    _echo_commands(*commands)


def _find_worst(saved: Path) -> str | None:
    """The first host of the ranking; None where no host was read."""
    import orjson

    try:
        hosts = orjson.loads(saved.read_bytes())["hosts"]
    except (OSError, orjson.JSONDecodeError):
        return None
    return next((host["name"] for host in hosts if host["status"] == "ok"), None)


def _echo_commands(*commands: tuple[list[str], str]) -> None:
    """Print commands as they can be typed here, each with what it shows."""
    examples = [Example(shlex.join([*program_words(), *words]), text) for words, text in commands]
    for line in example_lines(examples, shutil.get_terminal_size().columns):
        click.echo(line)


def _write_report(saved: Path, page: Path) -> None:
    """Write the page of a made fortnight of this fleet, which the scan in ``saved`` ends."""
    from ...history.report.build import Wishes, build_report
    from ...history.report.scan_files import temporary_store
    from ...output.atomic_file import replace_whole
    from ...output.html.page import render_page
    from ...output.report_sentences import verdict
    from ...scan.saved_scans import read_scan
    from ..made_fortnight import made_fortnight

    last = read_scan(str(saved))
    with temporary_store([*made_fortnight(last), last]) as (store, first, end):
        wishes = Wishes(
            since=first,
            until=end,
            title="sockfleet demo",
            limit_at=_USUAL_OPEN_FILES,
            is_made=True,
        )
        report, _ = build_report(store, wishes)
    replace_whole(page, render_page(report), new_mode=0o600)
    click.echo(f"\n{page}: {''.join(verdict(report))} Its scans before this one are made up.")


def _find_differences(saved: Path, hosts: Iterable[SimulatedHost]) -> Iterator[str]:
    import orjson

    try:
        document = orjson.loads(saved.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        yield f"the scan left no JSON: {error}"
        return
    yield from find_differences(document, hosts)


def _describe_plan(hosts: Iterable[SimulatedHost]) -> str:
    categories = Counter(
        category for host in hosts if host.fault and (category := host.fault.planned)
    )
    read = sum(host.is_read for host in hosts)
    parts = [f"{read} read with the very numbers they hold"]
    parts += [f"{count} {category}" for category, count in categories.items()]
    return ", ".join(parts)


def _run(arguments: list[str]) -> None:
    """Run the real command as a user would, without the user's settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SOCKFLEET_")}
    environment["SOCKFLEET_CONFIG"] = os.devnull
    if sys.stdout is not None and sys.stdout.isatty():
        lines = shutil.get_terminal_size().lines - _LINES_BELOW
        environment["LINES"] = str(max(lines, _FEWEST_LINES))
    # A session of its own: Ctrl-C reaches this process, which hands it on once.
    with subprocess.Popen(
        [sys.executable, "-m", "sockfleet.cli", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as scan:
        try:
            scan.wait()
        except _Stopped as stopped:
            scan.send_signal(stopped.number)
            try:
                scan.wait(_SCAN_ENDS_S)
            except subprocess.TimeoutExpired:
                scan.kill()
            raise
        except BaseException:
            scan.kill()
            raise


def _wait_until_stopped(fleet: FleetProcess) -> None:
    try:
        fleet.wait()
    except _Stopped:
        click.echo()


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """Raise `_Stopped` at the first stop signal; ignore further ones while the block is left."""

    def stop(number: int, _frame: object) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped(number)

    with replace_handlers(STOP_SIGNALS, stop):
        yield

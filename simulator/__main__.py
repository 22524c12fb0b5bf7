"""``python -m sockfleet.simulator FOLDER``: one simulated fleet, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

import click

from ..inventory.errors import SockfleetError
from .fleet import Fleet
from .scenario import Scenario
from .scenario_file import MOST_HOSTS, chosen_scenario


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--scenario", type=click.Path(path_type=Path), help="A scenario file.")
@click.option("--hosts", type=click.IntRange(1, MOST_HOSTS), help="Hosts in all.")
@click.option("--seed", type=click.IntRange(0), help="Another draw of the same scenario.")
@click.option("--until-eof", is_flag=True, help="End when standard input ends.")
def simulate(
    folder: Path, scenario: Path | None, hosts: int | None, seed: int | None, until_eof: bool
) -> None:
    """Play SSH servers on loopback; FOLDER gets inventory.yml, known_hosts and id_ed25519."""
    import uvloop

    chosen = chosen_scenario(scenario, hosts=hosts, seed=seed)
    uvloop.run(_play(chosen, folder, until_eof=until_eof))


async def _play(scenario: Scenario, folder: Path, *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        # A thread, as an event loop takes pipes but no files: "< /dev/null" must work too.
        threading.Thread(target=_wait_for_eof, args=(loop, stop), daemon=True).start()
    async with Fleet(scenario, folder) as fleet:
        click.echo(f"ready {len(fleet.hosts)} hosts on port {fleet.port}")
        await stop.wait()


def _wait_for_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed: a signal came first
        loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    try:
        simulate(prog_name="python -m sockfleet.simulator")
    except SockfleetError as failure:
        click.echo(f"simulator: error: {failure}", err=True)
        sys.exit(failure.exit_code)

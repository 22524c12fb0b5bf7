"""``python -m sockfleet.simulator FOLDER``: run one simulated fleet until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
from pathlib import Path

import click

from ..core.errors import SockfleetError
from .faulty.fleet import Fleet
from .lean.fleet import LeanFleet, collect_garbage_rarely
from .lean.scenario import lean_scenario
from .scenario.scenario_file import MOST_HOSTS, choose_scenario


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--scenario", type=click.Path(path_type=Path), help="A scenario file.")
@click.option("--hosts", type=click.IntRange(1, MOST_HOSTS), help="Hosts in all.")
@click.option("--seed", type=click.IntRange(0), help="Another draw of the same scenario.")
@click.option("--until-eof", is_flag=True, help="End when standard input ends.")
@click.option("--lean", is_flag=True, help="Far cheaper hosts, for benchmarks.")
@click.option("--rtt", type=click.FloatRange(0), help="Lean: a round-trip time, in milliseconds.")
@click.option("--dead", type=click.FloatRange(0, 99), help="Lean: percent that never answer.")
@click.option("--verify", is_flag=True, help="Lean: check the clients' signatures.")
def simulate(
    folder: Path,
    scenario: Path | None,
    hosts: int | None,
    seed: int | None,
    until_eof: bool,
    lean: bool,
    rtt: float | None,
    dead: float | None,
    verify: bool,
) -> None:
    """Run SSH servers on loopback; FOLDER gets inventory.yml, known_hosts and id_ed25519.

    With --lean and --until-eof, standard input takes two commands, each answered by the counts in
    JSON: "counts", and "leak N", after which each host holds N more closed sockets.
    """
    import uvloop

    if not lean:
        if rtt is not None or dead is not None or verify:
            raise click.UsageError("--rtt, --dead and --verify are for --lean")
        fleet = Fleet(choose_scenario(scenario, hosts=hosts, seed=seed), folder)
        uvloop.run(_play(fleet, until_eof=until_eof))
        return
    chosen = lean_scenario(scenario, hosts=hosts, seed=seed, dead_percent=dead or 0.0)
    lean_fleet = LeanFleet(chosen, folder, rtt_s=(rtt or 0.0) / 1e3, verify=verify)
    uvloop.run(_play(lean_fleet, until_eof=until_eof))


async def _play(fleet: Fleet | LeanFleet, *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with fleet:
        lean = fleet if isinstance(fleet, LeanFleet) else None
        if until_eof:
            # A thread, because an event loop cannot read files: "< /dev/null" must work too.
            threading.Thread(target=_read_commands, args=(loop, stop, lean), daemon=True).start()
        if lean is not None:
            collect_garbage_rarely()
        click.echo(f"ready {len(fleet.hosts)} hosts on port {fleet.port}")
        await stop.wait()


def _read_commands(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Event, lean: LeanFleet | None
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: a signal came first
        with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as lines:
            for line in lines:
                if lean is not None:
                    loop.call_soon_threadsafe(_run_command, lean, line.split())
        loop.call_soon_threadsafe(stop.set)


def _run_command(lean: LeanFleet, words: list[bytes]) -> None:
    if len(words) == 2 and words[0] == b"leak" and words[1].isdigit():
        lean.leak(int(words[1]))
    elif words != [b"counts"]:
        return
    click.echo(json.dumps(dataclasses.asdict(lean.counts)))


if __name__ == "__main__":
    try:
        simulate(prog_name="python -m sockfleet.simulator")
    except SockfleetError as failure:
        click.echo(f"simulator: error: {failure}", err=True)
        sys.exit(failure.exit_code)

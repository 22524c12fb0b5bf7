"""The CPU time of a client for one cold host: sockfleet and its peers.

    python bench/compare.py [--hosts 1000] [--rounds 5] [--sshd-hosts 160] [--only NAME,…]
                            [--fleet simulated|sshd] [--write] [--quick]

Every client logs in to every host with an Ed25519 key over curve25519-sha256 and reads
/proc/net/sockstat and sockstat6; it must return that host's own numbers, or the run ends with 1.
The clients take turns, each time in a fresh process, and the order rotates by one in each round.
Child processes are counted, starts and imports are not (`client_cpu`). The crypto floor is measured
in each of these processes; "floors" is the CPU time in units of it, and "ours/it" compares these
units within a round, because only ratios are comparable from one minute to the next.

There are two fleets: the lean simulator, whose server needs a fraction of any client's CPU time,
and this machine's own sshd, which needs far more than the fast clients and displaces their caches.

--write writes the tables to bench/RESULTS.md and the picture to docs/images/cost.svg; --quick runs
`budgets` instead.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from client_cpu import WARM_UP, Peer
from cost_plot import draw
from fleet_target import Target
from fleets import real_sshd, simulated
from peers import PEERS, peers_python, peers_versions
from results import command_line, versions, write_section

OURS = "sockfleet"
SCRIPT = Path(__file__).with_name("client_cpu.py")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "cost.svg"
FLEETS = {"simulated": "lean simulator", "sshd": "real OpenSSH servers on this machine"}


class WrongAnswerError(Exception):
    """A client returned other numbers than the hosts' own."""


@dataclass
class Measurements:
    """The measurements of one client, one value for each round."""

    peer: Peer
    cpu_ms: list[float] = field(default_factory=list)
    floor_ms: list[float] = field(default_factory=list)
    hosts: int = 0
    why_not: str = ""
    """Why there are none: it is not installed, or could not log in."""

    @property
    def floors(self) -> list[float]:
        return [cpu / floor for cpu, floor in zip(self.cpu_ms, self.floor_ms, strict=True)]


def measure(measurements: Measurements, target: Target, hosts: int) -> None:
    """Measure a client once, in a new process without the user's settings.

    Raises WrongAnswerError; the reason why a client does not run goes to ``measurements``.
    """
    python = peers_python() if measurements.peer.own_environment else Path(sys.executable)
    if not python.exists():
        measurements.why_not = f"not installed: no {python.name} in {python.parents[1].name}/"
        return
    environment = {**os.environ, "HOME": target.folder}
    environment.pop("SSH_AUTH_SOCK", None)
    done = subprocess.run(
        [str(python), str(SCRIPT), *_words(measurements.peer), str(target.write()), str(hosts)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        text=True,
        check=False,
    )
    if done.returncode:
        measurements.why_not = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return
    result = json.loads(done.stdout.splitlines()[-1])
    if result["wrong"]:
        some = "\n  ".join(result["wrong"][:3])
        raise WrongAnswerError(f"{measurements.peer.name}: {len(result['wrong'])} wrong:\n  {some}")
    measurements.cpu_ms.append(result["cpu_ms"])
    measurements.floor_ms.append(result["floor_ms"])
    measurements.hosts = result["hosts"]


def _words(peer: Peer) -> tuple[str, str]:
    """Return module and name: the measuring process cannot import the modules of all peers."""
    return peer.read_hosts.__module__, peer.name


def compare(
    peers: Iterable[Peer],
    target_of: Callable[[Peer], Target],
    *,
    hosts: int,
    rounds: int,
    report: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Measurements]:
    """Measure all clients in turn, round after round. Raises WrongAnswerError."""
    measurements = {peer.name: Measurements(peer) for peer in peers}
    names = list(measurements)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if not measurements[name].why_not:
                measure(measurements[name], target_of(measurements[name].peer), hosts)
        report(f"round {turn + 1} of {rounds} is done")
    return measurements


def ours_to(ours: Measurements, theirs: Measurements) -> float:
    """Return the median over the rounds of our floors divided by theirs."""
    return statistics.median(a / b for a, b in zip(ours.floors, theirs.floors, strict=True))


def table(measurements: Mapping[str, Measurements]) -> list[str]:
    """Return the lines of the table; a client without measurements has its reason."""
    ours = measurements[OURS]
    lines = [
        (
            f"{'client':27} {'CPU ms/host':>11} {'least':>7} {'most':>7} {'floors':>7}"
            f" {'ours/it':>8} {'hosts':>6}"
        )
    ]
    every_floor = [floor for one in measurements.values() for floor in one.floor_ms]
    lines.append(
        f"{'crypto floor':27} {statistics.median(every_floor):11.3f} {min(every_floor):7.3f}"
        f" {max(every_floor):7.3f} {1:7.1f}"
    )
    for name, one in measurements.items():
        if one.why_not:
            lines.append(f"{name:27} not measured: {one.why_not}")
            continue
        lines.append(
            f"{name:27} {statistics.median(one.cpu_ms):11.3f} {min(one.cpu_ms):7.3f}"
            f" {max(one.cpu_ms):7.3f} {statistics.median(one.floors):7.1f}"
            f" {ours_to(ours, one):8.3f} {one.hosts:6}"
        )
    return lines


def select_peers(only: Sequence[str], *, own_kex: bool) -> list[Peer]:
    """Return the selected peers and sockfleet, with which all are compared."""
    unknown = set(only) - PEERS.keys()
    if unknown:
        sys.exit(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    wanted = {OURS, *(only or PEERS)}
    return [p for p in PEERS.values() if p.name in wanted and (own_kex or not p.own_kex)]


def on_simulator(folder: Path, wanted: argparse.Namespace) -> Mapping[str, Measurements]:
    with simulated(folder, max(wanted.hosts, WARM_UP)) as (target, _):
        peers = select_peers(wanted.only, own_kex=False)
        return compare(
            peers, lambda _: target, hosts=wanted.hosts, rounds=wanted.rounds, report=report
        )


def on_sshd(folder: Path, wanted: argparse.Namespace) -> Mapping[str, Measurements]:
    with ExitStack() as stack:
        count = max(wanted.sshd_hosts, WARM_UP)
        target = stack.enter_context(real_sshd(folder / "curve25519", count))
        own: AbstractContextManager[Target] = real_sshd(folder / "own", count, kex=None)
        own_kex_target = stack.enter_context(own)
        return compare(
            select_peers(wanted.only, own_kex=True),
            lambda peer: own_kex_target if peer.own_kex else target,
            hosts=wanted.sshd_hosts,
            rounds=wanted.rounds,
            report=report,
        )


def report(words: str) -> None:
    print(words, file=sys.stderr)


def notes(measurements: Mapping[str, Measurements]) -> list[str]:
    return [f"- {name}: {one.peer.setup}" for name, one in measurements.items()]


def write_picture(measurements: Mapping[str, Measurements]) -> None:
    measured_peers = [
        one for one in measurements.values() if one.cpu_ms and not one.peer.is_variant
    ]
    PICTURE.parent.mkdir(exist_ok=True)
    rounds_ms = {one.peer.name: one.cpu_ms for one in measured_peers}
    PICTURE.write_text(draw(rounds_ms, note="hussh and parallel-ssh check no host key."))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--hosts", type=int, default=1000)
    options.add_argument("--sshd-hosts", type=int, default=160)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", type=lambda text: text.split(","), default=[])
    options.add_argument("--fleet", choices=FLEETS, action="append")
    options.add_argument("--write", action="store_true", help="RESULTS.md and the picture")
    options.add_argument("--quick", action="store_true", help="the budgets alone, in 90 s")
    wanted = options.parse_args()
    if wanted.quick:
        os.execv(sys.executable, [sys.executable, str(SCRIPT.with_name("budgets.py"))])
    text, setup_notes = [], list[str]()
    with tempfile.TemporaryDirectory(prefix="sockfleet-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the user who logs in reads authorized_keys below it
        for fleet in wanted.fleet or FLEETS:
            run = on_simulator if fleet == "simulated" else on_sshd
            try:
                measurements = run(folder / fleet, wanted)
            except WrongAnswerError as error:
                sys.exit(f"{error}\nthe other clients were not measured")
            count = wanted.hosts if fleet == "simulated" else wanted.sshd_hosts
            lines = [
                (
                    f"{FLEETS[fleet]}: {count} hosts, {wanted.rounds} rounds, medians, every answer"
                    " right; curve25519-sha256, Ed25519 keys"
                ),
                *table(measurements),
            ]
            print("\n".join(lines), flush=True)
            text += ["```", *lines, "```", ""]
            if fleet == "simulated":
                setup_notes = notes(measurements)
                if wanted.write:
                    write_picture(measurements)
    if wanted.write:
        first = f"{command_line('compare', sys.argv[1:])}; {versions()}, {peers_versions()}"
        write_section("compare", [first, "", *text, *setup_notes])
    return 0


if __name__ == "__main__":
    sys.exit(main())

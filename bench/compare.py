"""What one cold host costs the client: sockfleet beside its peers, in CPU time.

    python bench/compare.py [--hosts 1000] [--rounds 5] [--sshd-hosts 160] [--only NAME,…]
                            [--fleet simulated|sshd] [--write] [--quick]

Every client logs in to every host with an Ed25519 key over curve25519-sha256 and reads
/proc/net/sockstat and sockstat6; what it brings back must be that host's own numbers, or the run
ends with 1. The clients take turns, each time in a fresh process, in an order that moves on by one
from round to round. Child processes are counted, starts and imports are not (`client_cpu`). The
crypto floor is measured in each of these processes; "floors" is the CPU time in units of it, and
"ours/it" compares these units of one round: only ratios hold from one minute to the next.

Two fleets: the lean simulator, whose server costs a fraction of any client, and this machine's
own sshd, which costs far more than the cheap clients and lets their caches grow cold.

--write puts the tables into bench/RESULTS.md and the picture into docs/images/cost.svg; --quick
runs `budgets` instead.
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
from results import command_line, put, versions

OURS = "sockfleet"
SCRIPT = Path(__file__).with_name("client_cpu.py")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "cost.svg"
FLEETS = {"simulated": "lean simulator", "sshd": "real OpenSSH servers on this machine"}


class WrongAnswerError(Exception):
    """A client brought back something else than the hosts' own numbers."""


@dataclass
class Taken:
    """What was measured of one client, a value for each round."""

    peer: Peer
    cpu_ms: list[float] = field(default_factory=list)
    floor_ms: list[float] = field(default_factory=list)
    hosts: int = 0
    why_not: str = ""
    """Why there are none: in words, where it could not be had or could not log in."""

    @property
    def floors(self) -> list[float]:
        return [cpu / floor for cpu, floor in zip(self.cpu_ms, self.floor_ms, strict=True)]


def measure(taken: Taken, target: Target, hosts: int) -> None:
    """One client, once, in a process of its own, away from the user's settings.

    Raises WrongAnswerError; a client that does not run at all is noted in ``taken``.
    """
    python = peers_python() if taken.peer.apart else Path(sys.executable)
    if not python.exists():
        taken.why_not = f"not installed: no {python.name} in {python.parents[1].name}/"
        return
    environment = {**os.environ, "HOME": target.folder}
    environment.pop("SSH_AUTH_SOCK", None)
    done = subprocess.run(
        [str(python), str(SCRIPT), *_words(taken.peer), str(target.write()), str(hosts)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        text=True,
        check=False,
    )
    if done.returncode:
        taken.why_not = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return
    result = json.loads(done.stdout.splitlines()[-1])
    if result["wrong"]:
        some = "\n  ".join(result["wrong"][:3])
        raise WrongAnswerError(f"{taken.peer.name}: {len(result['wrong'])} wrong:\n  {some}")
    taken.cpu_ms.append(result["cpu_ms"])
    taken.floor_ms.append(result["floor_ms"])
    taken.hosts = result["hosts"]


def _words(peer: Peer) -> tuple[str, str]:
    """Where the measuring process finds it: by its module, as not all can be imported there."""
    return peer.ask.__module__, peer.name


def compare(
    peers: Iterable[Peer],
    target_of: Callable[[Peer], Target],
    *,
    hosts: int,
    rounds: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Taken]:
    """All clients in turn, round after round, each told of. Raises WrongAnswerError."""
    taken = {peer.name: Taken(peer) for peer in peers}
    names = list(taken)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if not taken[name].why_not:
                measure(taken[name], target_of(taken[name].peer), hosts)
        tell(f"round {turn + 1} of {rounds} is done")
    return taken


def ours_to(ours: Taken, theirs: Taken) -> float:
    """What ours costs for each 1 of theirs: the median over the rounds, each in floors."""
    return statistics.median(a / b for a, b in zip(ours.floors, theirs.floors, strict=True))


def table(taken: Mapping[str, Taken]) -> list[str]:
    """The lines of the table; a client that could not be measured says why."""
    ours = taken[OURS]
    lines = [
        (
            f"{'client':27} {'CPU ms/host':>11} {'least':>7} {'most':>7} {'floors':>7}"
            f" {'ours/it':>8} {'hosts':>6}"
        )
    ]
    every_floor = [floor for one in taken.values() for floor in one.floor_ms]
    lines.append(
        f"{'crypto floor':27} {statistics.median(every_floor):11.3f} {min(every_floor):7.3f}"
        f" {max(every_floor):7.3f} {1:7.1f}"
    )
    for name, one in taken.items():
        if one.why_not:
            lines.append(f"{name:27} not measured: {one.why_not}")
            continue
        lines.append(
            f"{name:27} {statistics.median(one.cpu_ms):11.3f} {min(one.cpu_ms):7.3f}"
            f" {max(one.cpu_ms):7.3f} {statistics.median(one.floors):7.1f}"
            f" {ours_to(ours, one):8.3f} {one.hosts:6}"
        )
    return lines


def chosen(only: Sequence[str], *, own_kex: bool) -> list[Peer]:
    """The peers asked for; sockfleet is always among them, as all is compared with it."""
    unknown = set(only) - PEERS.keys()
    if unknown:
        sys.exit(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    wanted = {OURS, *(only or PEERS)}
    return [p for p in PEERS.values() if p.name in wanted and (own_kex or not p.own_kex)]


def on_simulator(folder: Path, wanted: argparse.Namespace) -> Mapping[str, Taken]:
    with simulated(folder, max(wanted.hosts, WARM_UP)) as (target, _):
        peers = chosen(wanted.only, own_kex=False)
        return compare(peers, lambda _: target, hosts=wanted.hosts, rounds=wanted.rounds, tell=tell)


def on_sshd(folder: Path, wanted: argparse.Namespace) -> Mapping[str, Taken]:
    with ExitStack() as stack:
        count = max(wanted.sshd_hosts, WARM_UP)
        target = stack.enter_context(real_sshd(folder / "curve25519", count))
        own: AbstractContextManager[Target] = real_sshd(folder / "own", count, kex=None)
        free = stack.enter_context(own)
        return compare(
            chosen(wanted.only, own_kex=True),
            lambda peer: free if peer.own_kex else target,
            hosts=wanted.sshd_hosts,
            rounds=wanted.rounds,
            tell=tell,
        )


def tell(words: str) -> None:
    print(words, file=sys.stderr)


def notes(taken: Mapping[str, Taken]) -> list[str]:
    return [f"- {name}: {one.peer.how}" for name, one in taken.items()]


def write_picture(taken: Mapping[str, Taken]) -> None:
    shown = [one for one in taken.values() if one.cpu_ms and not one.peer.is_variant]
    PICTURE.parent.mkdir(exist_ok=True)
    rounds_ms = {one.peer.name: one.cpu_ms for one in shown}
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
    text, how = [], list[str]()
    with tempfile.TemporaryDirectory(prefix="sockfleet-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the user who logs in reads authorized_keys below it
        for fleet in wanted.fleet or FLEETS:
            run = on_simulator if fleet == "simulated" else on_sshd
            try:
                taken = run(folder / fleet, wanted)
            except WrongAnswerError as error:
                sys.exit(f"{error}\nnothing can be said of the rest")
            count = wanted.hosts if fleet == "simulated" else wanted.sshd_hosts
            lines = [
                (
                    f"{FLEETS[fleet]}: {count} hosts, {wanted.rounds} rounds, medians, every answer"
                    " right; curve25519-sha256, Ed25519 keys"
                ),
                *table(taken),
            ]
            print("\n".join(lines), flush=True)
            text += ["```", *lines, "```", ""]
            if fleet == "simulated":
                how = notes(taken)
                if wanted.write:
                    write_picture(taken)
    if wanted.write:
        first = f"{command_line('compare', sys.argv[1:])}; {versions()}, {peers_versions()}"
        put("compare", [first, "", *text, *how])
    return 0


if __name__ == "__main__":
    sys.exit(main())

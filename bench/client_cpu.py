"""The measuring process: what one client costs this machine for each host, as one line of JSON.

    python bench/client_cpu.py MODULE NAME TARGET.json HOSTS

Processor time of this process and of all that it started counts, user and system. What must not
count is done before: imports, and a first run over a few hosts. What a command-line tool costs on a
few hosts is taken off again, so that neither side pays for its start; for samples over kept
connections the logins are taken off. The crypto floor (`crypto_floor`) is measured before and
after, in the same process: a machine whose speed moves meets both alike. The answers are held
against the truth after the clock has stopped.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crypto_floor import floor_ms
from fleet_target import Target

WARM_UP = 50
FEW = 4  # hosts of a command-line tool's first run
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

Ask = Callable[[Target, Sequence[str]], Iterable[tuple[str, bytes]]]
"""Asks the addresses, and gives what each of them said.

What is given may be a generator: the clock has stopped when it is gone through.
"""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One way to read the two files of many hosts."""

    name: str
    ask: Ask
    is_command: bool = False
    """A tool that is started for the run: its start is measured and taken off."""
    most: int | None = None
    """Hosts to ask, at most: a hundred tell enough of a dear tool."""
    how: str
    """How it was set up: what helps it, what it leaves out."""
    before: Ask | None = None
    """Run first on the same hosts, and taken off: what is not to be measured."""
    samples: int = 1
    """How often each host is read beyond what `before` does."""
    own_kex: bool = False
    """It chooses the key exchange itself, which the simulator does not offer."""
    is_variant: bool = False
    """Of another row: it stays out of the picture."""
    apart: bool = False
    """It runs in the peers' own Python environment."""


def cpu_s() -> float:
    """CPU time of this process and of its children that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def adopt_orphans() -> None:
    """Children whose parents end become this process's, so that they are counted too."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def await_children() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


def timed(ask: Ask, target: Target, addresses: Sequence[str]) -> tuple[float, list[str]]:
    """CPU seconds, and what was wrong."""
    began_s = cpu_s()
    answers = ask(target, addresses)
    await_children()
    used_s = cpu_s() - began_s
    return used_s, target.wrong(addresses, dict(answers))


def measured(peer: Peer, target: Target, hosts: int) -> dict[str, object]:
    """Milliseconds a host, the floor's beside them, and every wrong answer in words."""
    adopt_orphans()
    asked = target.addresses[:hosts][: peer.most]
    before = floor_ms()
    first = target.addresses[:WARM_UP]
    if peer.before is not None or peer.is_command:
        first = asked if peer.before is not None else asked[:FEW]
    first_s, wrong = timed(peer.before or peer.ask, target, first)
    used_s, more = timed(peer.ask, target, asked)
    readings = len(asked) * peer.samples
    if peer.is_command:
        readings -= len(first)
    if peer.before is not None or peer.is_command:
        used_s -= first_s
    return {
        "cpu_ms": used_s * 1e3 / readings,
        "floor_ms": (before + floor_ms()) / 2,
        "hosts": len(asked),
        "wrong": wrong + more,
    }


def main() -> None:
    module, name, path, hosts = sys.argv[1:]
    (peer,) = (each for each in importlib.import_module(module).PEERS if each.name == name)
    print(json.dumps(measured(peer, Target.read(path), int(hosts))))


if __name__ == "__main__":
    main()

"""The measuring process: the CPU time that one client needs for each host, as one line of JSON.

    python bench/client_cpu.py MODULE NAME TARGET.json HOSTS

User and system time of this process and of all its descendants count. Imports and a first run over
a few hosts happen before the clock starts. For a command-line tool, the cost of a run over a few
hosts is subtracted, so that its start does not count; for samples over open connections, the logins
are. The crypto floor (`crypto_floor`) is measured before and after in the same process, so that
changes of the machine's speed affect both. The answers are compared with the truth after the clock
has stopped.
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
FEW = 4  # hosts in the first run of a command-line tool
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

ReadHosts = Callable[[Target, Sequence[str]], Iterable[tuple[str, bytes]]]
"""Reads the addresses and returns each address with its output.

The result may be a generator, which is consumed after the clock has stopped.
"""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A client that reads the two files of many hosts."""

    name: str
    read_hosts: ReadHosts
    is_command: bool = False
    """A tool that is started for the run; the cost of its start is subtracted."""
    max_hosts: int | None = None
    """Maximum number of hosts; a hundred are enough for a slow tool."""
    setup: str
    """Its options and what it does not do, for the notes below the table."""
    before: ReadHosts | None = None
    """Run first on the same hosts; its cost is subtracted."""
    samples: int = 1
    """How often each host is read, not counting `before`."""
    own_kex: bool = False
    """Whether it chooses the key exchange itself; the simulator does not offer that one."""
    is_variant: bool = False
    """Whether it is a variant of another row, and not drawn in the picture."""
    own_environment: bool = False
    """Whether it runs in the peers' own Python environment."""


def cpu_s() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants, so that they are counted too."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def await_children() -> None:
    """Wait for every child of this process to end."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


def time_reading(
    read_hosts: ReadHosts, target: Target, addresses: Sequence[str]
) -> tuple[float, list[str]]:
    """Return the CPU seconds, and the wrong answers in words."""
    began_s = cpu_s()
    answers = read_hosts(target, addresses)
    await_children()
    used_s = cpu_s() - began_s
    return used_s, target.wrong(addresses, dict(answers))


def measure_peer(peer: Peer, target: Target, hosts: int) -> dict[str, object]:
    """Return ms of CPU per host, ms of the crypto floor, and every wrong answer in words."""
    adopt_orphans()
    addresses = target.addresses[:hosts][: peer.max_hosts]
    before = floor_ms()
    first = target.addresses[:WARM_UP]
    if peer.before is not None or peer.is_command:
        first = addresses if peer.before is not None else addresses[:FEW]
    first_s, wrong = time_reading(peer.before or peer.read_hosts, target, first)
    used_s, more = time_reading(peer.read_hosts, target, addresses)
    readings = len(addresses) * peer.samples
    if peer.is_command:
        readings -= len(first)
    if peer.before is not None or peer.is_command:
        used_s -= first_s
    return {
        "cpu_ms": used_s * 1e3 / readings,
        "floor_ms": (before + floor_ms()) / 2,
        "hosts": len(addresses),
        "wrong": wrong + more,
    }


def main() -> None:
    module, name, path, hosts = sys.argv[1:]
    (peer,) = (each for each in importlib.import_module(module).PEERS if each.name == name)
    print(json.dumps(measure_peer(peer, Target.read(path), int(hosts))))


if __name__ == "__main__":
    main()

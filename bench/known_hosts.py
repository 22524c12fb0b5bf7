"""known_hosts of a large fleet: the cost of loading and of one look-up, and asyncssh's.

    python bench/known_hosts.py [--lines 100000] [--rounds 5]

The files have plain or hashed lines, one key for each host. Both libraries run in this process, in
turn, for five rounds; medians of CPU time are printed, and their ratio, which is comparable between
machines. The budgets are for 100,000 hashed lines: loading is compared with a loop that splits the
lines and decodes their base64, a look-up with the crypto floor of a login. The exit code is 1 if
one is missed.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import os
import random
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import asyncssh
from budget import Budget, exit_code
from crypto_floor import floor_ms

from sockfleet.collector.ssh.host_keys.known_hosts import KnownHosts, Verdict

BUDGET_LINES = 100_000
BUDGET_ROUNDS = 3
LOAD_BUDGET = 8.0
"""Times the plain loop over the same lines."""
LOOK_UP_BUDGET = 0.4
"""Crypto floors, of which each login takes at least one."""
LOOK_UPS = 2_000
SLOW_LOOK_UPS = 3  # asyncssh reads the whole hashed file for each
FAILURES = 5


def blob_of(number: int) -> bytes:
    kind = b"ssh-ed25519"
    key = random.Random(number).randbytes(32)
    return struct.pack(">I", len(kind)) + kind + struct.pack(">I", len(key)) + key


def hash_name(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def write(path: Path, lines: int, name: Callable[[str], str]) -> None:
    with path.open("w") as stream:
        for number in range(lines):
            key = base64.b64encode(blob_of(number)).decode()
            stream.write(f"{name(name_of(number))} ssh-ed25519 {key}\n")


def seconds(action: Callable[[], object]) -> float:
    """Return the CPU time of ``action``."""
    start = time.process_time()
    action()
    return time.process_time() - start


def name_of(number: int) -> str:
    return f"web{number}.example.org"


def look_up(known: KnownHosts, shown: dict[int, bytes], verdict: Verdict) -> None:
    for number, blob in shown.items():
        assert known.check([name_of(number)], 22, blob) is verdict


def look_up_asyncssh(known: asyncssh.SSHKnownHosts, numbers: list[int]) -> None:
    for number in numbers:
        assert known.match(name_of(number), "", 22)[0]


def our_times(path: Path, right: dict[int, bytes]) -> tuple[KnownHosts, float, float]:
    """Return the keys, the seconds to load them, and those of one look-up of a trusted key."""
    began = time.process_time()
    known = KnownHosts.load([str(path)])
    load_s = time.process_time() - began
    return known, load_s, seconds(partial(look_up, known, right, Verdict.TRUSTED)) / len(right)


def read_plainly(path: Path) -> None:
    """Split hashed lines and decode their base64, which every reader must do."""
    with path.open() as lines:
        for line in lines:
            name, _, key = line.split()
            for part in (*name.split("|")[2:], key):
                base64.b64decode(part)


def budget_figures(folder: Path) -> Iterator[Budget]:
    """Measure the file of the budget; a ratio compares figures of the same round."""
    path = folder / "hashed"
    write(path, BUDGET_LINES, hash_name)
    chosen = random.Random(1).sample(range(BUDGET_LINES), LOOK_UPS)
    right = {number: blob_of(number) for number in chosen}
    loads, look_ups = list[float](), list[float]()
    for _ in range(BUDGET_ROUNDS):
        plain_s = seconds(partial(read_plainly, path))
        _, load_s, each_s = our_times(path, right)
        loads.append(load_s / plain_s)
        look_ups.append(each_s * 1e3 / floor_ms())
    name = f"known_hosts, {BUDGET_LINES:,} lines"
    yield Budget(
        name=f"{name}: load, in plain loops", figure=statistics.median(loads), limit=LOAD_BUDGET
    )
    yield Budget(
        name=f"{name}: each host, in floors",
        figure=statistics.median(look_ups),
        limit=LOOK_UP_BUDGET,
    )


def measure(path: Path, lines: int, is_hashed: bool, rounds: int) -> dict[str, tuple[float, ...]]:
    """Return milliseconds of sockfleet and asyncssh for each operation."""
    times_s: dict[str, list[tuple[float, float]]] = {}
    for turn in range(rounds):
        chosen = random.Random(turn).sample(range(lines), min(lines, LOOK_UPS))
        right = {number: blob_of(number) for number in chosen}
        wrong = dict.fromkeys(chosen[:FAILURES], b"another")
        theirs_at_once = chosen[:SLOW_LOOK_UPS] if is_hashed else chosen
        known, load_s, each_s = our_times(path, right)
        theirs = asyncssh.read_known_hosts(str(path))
        each = seconds(partial(look_up_asyncssh, theirs, theirs_at_once)) / len(theirs_at_once)
        for operation, pair in {
            "load": (load_s, seconds(partial(asyncssh.read_known_hosts, str(path)))),
            "trusted key": (each_s, each),
            # asyncssh does the same work whatever the key
            "changed key": (
                seconds(partial(look_up, known, wrong, Verdict.CHANGED)) / len(wrong),
                each,
            ),
        }.items():
            times_s.setdefault(operation, []).append(pair)
    return {
        operation: tuple(statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
        for operation, pairs in times_s.items()
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--lines", type=int, default=BUDGET_LINES)
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    print(f"{wanted.lines} lines, {wanted.rounds} rounds, medians in ms")
    print(f"{'file':8} {'what':12} {'sockfleet':>10} {'asyncssh':>10} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for form, name in (("plain", str), ("hashed", hash_name)):
            path = Path(folder) / form
            write(path, wanted.lines, name)
            found = measure(path, wanted.lines, form == "hashed", wanted.rounds)
            for operation, (ours, theirs) in found.items():
                print(f"{form:8} {operation:12} {ours:10.4f} {theirs:10.4f} {ours / theirs:8.5f}")
        budgets = list(budget_figures(Path(folder)))
    print("\n".join(map(str, budgets)))
    return exit_code(budgets)


if __name__ == "__main__":
    sys.exit(main())

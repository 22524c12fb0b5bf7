"""known_hosts of a large fleet: what loading and one look-up cost, beside asyncssh's own.

    python bench/known_hosts.py [--lines 100000] [--rounds 5]

Files of plain and of hashed lines, one key a host. Both sides run in this process, in turn, five
rounds; medians are shown, and their ratio, which is what holds from machine to machine. The budgets
(2 s to load 100,000 hashed lines, 0.05 ms a look-up) end the run with 1 when they are missed.
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
from collections.abc import Callable
from functools import partial
from pathlib import Path

import asyncssh

from sockfleet.collector.ssh.host_keys.known_hosts import KnownHosts, Verdict

BUDGET_LINES = 100_000
LOAD_BUDGET_S = 2.0
LOOK_UP_BUDGET_MS = 0.05
LOOK_UPS = 2_000
SLOW_LOOK_UPS = 3  # asyncssh goes through a hashed file for each
FAILURES = 5


def blob_of(number: int) -> bytes:
    kind = b"ssh-ed25519"
    key = random.Random(number).randbytes(32)
    return struct.pack(">I", len(kind)) + kind + struct.pack(">I", len(key)) + key


def hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def write(path: Path, lines: int, name: Callable[[str], str]) -> None:
    with path.open("w") as stream:
        for number in range(lines):
            key = base64.b64encode(blob_of(number)).decode()
            stream.write(f"{name(name_of(number))} ssh-ed25519 {key}\n")


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def name_of(number: int) -> str:
    return f"web{number}.example.org"


def find(known: KnownHosts, shown: dict[int, bytes], verdict: Verdict) -> None:
    for number, blob in shown.items():
        assert known.check([name_of(number)], 22, blob) is verdict


def match(known: asyncssh.SSHKnownHosts, numbers: list[int]) -> None:
    for number in numbers:
        assert known.match(name_of(number), "", 22)[0]


def our_times(path: Path, right: dict[int, bytes]) -> tuple[KnownHosts, float, float]:
    """What was loaded, the seconds to load it, and those of one look-up of a trusted key."""
    began = time.perf_counter()
    known = KnownHosts.load([str(path)])
    load_s = time.perf_counter() - began
    return known, load_s, seconds(partial(find, known, right, Verdict.TRUSTED)) / len(right)


def budget_figures(folder: Path) -> tuple[float, float]:
    """Of the budget's file: seconds to load it, and ms for each look-up."""
    path = folder / "hashed"
    write(path, BUDGET_LINES, hashed)
    chosen = random.Random(1).sample(range(BUDGET_LINES), LOOK_UPS)
    _, load_s, each_s = our_times(path, {number: blob_of(number) for number in chosen})
    return load_s, each_s * 1e3


def measure(path: Path, lines: int, is_hashed: bool, rounds: int) -> dict[str, tuple[float, ...]]:
    """Milliseconds of (ours, asyncssh's), by what was measured."""
    taken: dict[str, list[tuple[float, float]]] = {}
    for turn in range(rounds):
        chosen = random.Random(turn).sample(range(lines), min(lines, LOOK_UPS))
        right = {number: blob_of(number) for number in chosen}
        wrong = dict.fromkeys(chosen[:FAILURES], b"another")
        theirs_at_once = chosen[:SLOW_LOOK_UPS] if is_hashed else chosen
        known, load_s, each_s = our_times(path, right)
        theirs = asyncssh.read_known_hosts(str(path))
        each = seconds(partial(match, theirs, theirs_at_once)) / len(theirs_at_once)
        for what, pair in {
            "load": (load_s, seconds(partial(asyncssh.read_known_hosts, str(path)))),
            "trusted key": (each_s, each),
            # asyncssh does the same work whatever the key
            "changed key": (
                seconds(partial(find, known, wrong, Verdict.CHANGED)) / len(wrong),
                each,
            ),
        }.items():
            taken.setdefault(what, []).append(pair)
    return {
        what: tuple(statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
        for what, pairs in taken.items()
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--lines", type=int, default=BUDGET_LINES)
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    missed = []
    print(f"{wanted.lines} lines, {wanted.rounds} rounds, medians in ms")
    print(f"{'file':8} {'what':12} {'sockfleet':>10} {'asyncssh':>10} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for form, name in (("plain", str), ("hashed", hashed)):
            path = Path(folder) / form
            write(path, wanted.lines, name)
            found = measure(path, wanted.lines, form == "hashed", wanted.rounds)
            for what, (ours, theirs) in found.items():
                print(f"{form:8} {what:12} {ours:10.4f} {theirs:10.4f} {ours / theirs:8.5f}")
            if found["load"][0] > LOAD_BUDGET_S * 1e3:
                missed.append(f"{form}: load took {found['load'][0]:.0f} ms")
            if found["trusted key"][0] > LOOK_UP_BUDGET_MS:
                missed.append(f"{form}: a look-up took {found['trusted key'][0]:.4f} ms")
    for miss in missed:
        print(f"over budget: {miss}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

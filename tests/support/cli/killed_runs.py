"""A driver of its own process: one command again and again, each run killed at a random moment.

Usage: python killed_runs.py SEED ROUNDS FILE WORDS... runs ``sockfleet WORDS...``, which writes
FILE. Forked from a process that has everything imported, the runs are short enough that the moments
fall within the work and not within the start of Python. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from sockfleet.cli.main import main


def child(words: list[str]) -> int:
    """Run the command in a process of its own; its pid."""
    pid = os.fork()
    if pid:
        return pid
    sys.argv = ["sockfleet", *words]
    try:
        main()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    finally:
        os._exit(99)


def wait(pid: int, within_s: float | None) -> bool:
    """Whether the process ended by itself in that time; it is killed if not."""
    process = os.pidfd_open(pid)
    try:
        ended = bool(select.select([process], [], [], within_s)[0])
        if not ended:
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        assert not ended or os.waitstatus_to_exitcode(status) == 0, status
        return ended
    finally:
        os.close(process)


def is_whole(data: bytes) -> bool:
    document = json.loads(data)
    return document["schema"] == "sockfleet/scan/v1" and document["scan"]["complete"] is True


def run(seed: str, rounds: int, file: Path, words: list[str]) -> dict[str, int]:
    """Kill ``rounds`` runs; how they ended, and how the file was found."""
    chance = random.Random(seed)
    seen = dict.fromkeys(("killed", "ended", "old", "new", "most_leftovers"), 0)
    lengths = []
    for _ in range(3):
        began = time.monotonic()
        wait(child(words), None)
        lengths.append(time.monotonic() - began)
    longest = 1.4 * max(lengths)
    old = b'{"old": "%s"}' % (b"x" * 10_000)
    for _ in range(rounds):
        file.write_bytes(old)
        seen["ended" if wait(child(words), chance.uniform(0, longest)) else "killed"] += 1
        found = file.read_bytes()
        assert found == old or is_whole(found), found[:200]
        seen["old" if found == old else "new"] += 1
        left = len(list(file.parent.glob(".sockfleet-*.tmp")))
        seen["most_leftovers"] = max(seen["most_leftovers"], left)
    wait(child(words), None)
    seen["left_at_the_end"] = len(list(file.parent.glob(".sockfleet-*.tmp")))
    return seen


if __name__ == "__main__":
    # What a command imports while it runs is imported before the first fork.
    for name in (
        "cli.commands.merge",
        "scan.scan",
        "collector.local_transport",
        "output.machine.json",
    ):
        import_module(f"sockfleet.{name}")
    import_module("uvloop")

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])))

"""Run one command many times, and kill each run at a random moment.

    python killed_runs.py SEED ROUNDS FILE WORDS...

runs ``sockfleet WORDS...``, which writes FILE. The runs are forked from a process that has imported
everything, so that the signal arrives during the work and not while Python starts. Prints counts of
the results as JSON.
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


def start_run(words: list[str]) -> int:
    """Fork a process that runs the command; return its pid."""
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
    """Wait for the process and return whether it ended in time; kill it otherwise."""
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


def is_complete(data: bytes) -> bool:
    document = json.loads(data)
    return document["schema"] == "sockfleet/scan/v1" and document["scan"]["complete"] is True


def kill_runs(seed: str, rounds: int, file: Path, words: list[str]) -> dict[str, int]:
    """Kill ``rounds`` runs; return how many ended, and how many left the old or the new file."""
    randomness = random.Random(seed)
    counts = dict.fromkeys(("killed", "ended", "old", "new", "most_leftovers"), 0)
    durations_s = []
    for _ in range(3):
        started = time.monotonic()
        wait(start_run(words), None)
        durations_s.append(time.monotonic() - started)
    longest_s = 1.4 * max(durations_s)
    old = b'{"old": "%s"}' % (b"x" * 10_000)
    for _ in range(rounds):
        file.write_bytes(old)
        in_time = wait(start_run(words), randomness.uniform(0, longest_s))
        counts["ended" if in_time else "killed"] += 1
        content = file.read_bytes()
        assert content == old or is_complete(content), content[:200]
        counts["old" if content == old else "new"] += 1
        leftovers = len(list(file.parent.glob(".sockfleet-*.tmp")))
        counts["most_leftovers"] = max(counts["most_leftovers"], leftovers)
    wait(start_run(words), None)
    counts["left_at_the_end"] = len(list(file.parent.glob(".sockfleet-*.tmp")))
    return counts


if __name__ == "__main__":
    # The command imports these while it runs; import them before the first fork.
    for name in (
        "cli.commands.merge",
        "scan.scan",
        "collector.local_transport",
        "output.machine.json",
    ):
        import_module(f"sockfleet.{name}")
    import_module("uvloop")

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    print(json.dumps(kill_runs(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])))

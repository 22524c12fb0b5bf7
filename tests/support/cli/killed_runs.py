"""Run one command many times, and kill each run at a random moment.

    python killed_runs.py SEED FILE WORDS...

runs ``sockfleet WORDS...``, which writes FILE. The runs are forked from a process that has imported
everything, so that the signal arrives during the work and not while Python starts. Most of them are
forked where the command begins to write: those moments decide about the file, and are a small part
of a run. Prints counts of the results as JSON.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from sockfleet.cli.main import main
from sockfleet.cli.runs import delivery
from sockfleet.output.atomic_file import replace_whole

WHOLE_RUNS, WRITING_RUNS = 50, 150


class ForkedError(BaseException):
    """Raised in a process that was forked where the command writes: it goes on from there."""


def run(words: list[str]) -> NoReturn:
    """Run the command and end this process."""
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


class Killer:
    """Kills runs of one command at random moments; counts which file each of them leaves."""

    def __init__(self, seed: str, file: Path) -> None:
        self._randomness = random.Random(seed)
        self._file = file
        self._old = b'{"old": "%s"}' % (b"x" * 10_000)
        self.counts = dict.fromkeys(("killed", "ended", "old", "new", "most_leftovers"), 0)

    def kill(self, start: Callable[[], int], rounds: int) -> None:
        """Kill most of ``rounds`` runs; ``start`` starts one and returns its pid."""
        durations_s = []
        for _ in range(5):
            started = time.monotonic()
            wait(start(), None)
            durations_s.append(time.monotonic() - started)
        longest_s = 1.4 * statistics.median(durations_s)  # a busy machine may delay one of them
        for _ in range(rounds):
            self._file.write_bytes(self._old)
            in_time = wait(start(), self._randomness.uniform(0, longest_s))
            self.counts["ended" if in_time else "killed"] += 1
            content = self._file.read_bytes()
            assert content == self._old or is_complete(content), content[:200]
            self.counts["old" if content == self._old else "new"] += 1
            self.counts["most_leftovers"] = max(self.counts["most_leftovers"], self._leftovers())
        wait(start(), None)
        self.counts["left_at_the_end"] = self._leftovers()

    def _leftovers(self) -> int:
        return len(list(self._file.parent.glob(".sockfleet-*.tmp")))


def kill_runs(seed: str, file: Path, words: list[str]) -> NoReturn:
    """Kill whole runs, and runs that write; print the counts and end this process."""
    killer = Killer(seed, file)

    def start_run() -> int:
        pid = os.fork()
        if pid == 0:
            run(words)
        return pid

    def start_writing() -> int:
        pid = os.fork()
        if pid == 0:
            raise ForkedError
        return pid

    def replace_and_be_killed(*where_and_what: Any, **modes: Any) -> None:
        try:
            killer.kill(start_writing, WRITING_RUNS)
        except ForkedError:
            replace_whole(*where_and_what, **modes)
        else:
            print(json.dumps(killer.counts), flush=True)
            os._exit(0)

    killer.kill(start_run, WHOLE_RUNS)
    delivery.replace_whole = replace_and_be_killed
    run(words)


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
    kill_runs(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])

"""The cost of finding the holders of closed sockets on a host with 100,000 descriptors.

    python bench/processes.py [--descriptors 100000] [--rounds 5]

Child processes hold the descriptors on this machine: of ten, six are connected TCP sockets, two
idle ones (TCP_CLOSE), one a unix socket and one /dev/null. The script with each of its tools, `lsof
-nP` and `ss -tanp` run in turn; medians of CPU time (children included) and wall time are printed,
and ratios, which are comparable between machines. The exit code is 1 if a budget is missed: less
CPU than lsof, or twice that if the script itself needs lsof; at most 5 s of wall time and 256 KiB
of output; the exact count. Other users' processes need root.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sockfleet.collector.probe.process_script import PROCESS_SCRIPT
from sockfleet.collector.probe.processes import parse_processes

WALL_BUDGET_S = 5.0
OUTPUT_BUDGET = 256 * 1024
TOOLS = ("python3", "perl", "getfattr", "lsof", "none")
NEEDED = ("sh", "ls", "xargs", "awk", "grep", "cut", "sort", "tr", "head")
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PAIRS_PER_ADDRESS = 10_000  # well below the number of local ports for one pair of addresses


def hold(descriptors: int, number: int) -> None:
    """Open the descriptors, print their number, hold them until standard input ends (child)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held: list[object] = []
    pairs = descriptors * 3 // 10
    for first in range(0, pairs, PAIRS_PER_ADDRESS):
        with socket.socket() as server:
            server.bind((f"127.77.{number}.{1 + first // PAIRS_PER_ADDRESS}", 0))
            server.listen(64)
            for _ in range(min(PAIRS_PER_ADDRESS, pairs - first)):
                held += [socket.create_connection(server.getsockname()), server.accept()[0]]
    held += [socket.socket() for _ in range(descriptors // 5)]
    held += [socket.socket(socket.AF_UNIX) for _ in range(descriptors // 10)]
    held += [os.open("/dev/null", os.O_RDONLY) for _ in range(descriptors // 10)]
    print(len(held), flush=True)
    sys.stdin.read()


@contextmanager
def holder(descriptors: int, number: int) -> Iterator[int]:
    """Run a child that holds ``descriptors``; yield its pid."""
    words = [sys.executable, __file__, "--hold", str(descriptors), str(number)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            if not child.stdout.readline():
                raise SystemExit("a holder could not open its descriptors")
            yield child.pid
        finally:
            child.stdin.close()


def path_with(folder: Path, tool: str) -> str:
    """Return a PATH with only this tool for the script to identify protocols."""
    folder.mkdir()
    for name in (*NEEDED, *(() if tool == "none" else (tool,))):
        found = shutil.which(name, path=SEARCH_PATH)
        if found is None:
            raise SystemExit(f"{name} is missing")
        (folder / name).symlink_to(found)
    return str(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    cpu_s: float
    wall_s: float
    output: bytes


def run(words: list[str], path: str = SEARCH_PATH) -> Run:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, env={"PATH": path}
    )
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(cpu_s=cpu_s, wall_s=ended - started, output=done.stdout)


def problem_of(one: Run, tool: str, held: dict[int, int]) -> str | None:
    """Describe the error in one output of the script; None if it is right."""
    processes = parse_processes(one.output)
    if processes is None or processes.partial or (processes.tool or "none") != tool:
        return f"{tool}: {one.output[:100]!r}"
    reported = {process.pid: process.tcp_close for process in processes.seen}
    # Even an upper bound leaves out unix sockets, which /proc/net/unix lists.
    wrong = {
        pid: (reported.get(pid), count) for pid, count in held.items() if reported.get(pid) != count
    }
    return f"{tool}: (reported, held) {wrong}" if wrong else None


def measure(descriptors: int, rounds: int) -> int:
    per_child = min(descriptors, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100) // 10 * 10
    children = max(1, round(descriptors / per_child))
    runs: dict[str, list[Run]] = {}
    problems: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sockfleet-bench-")))
        held = {
            stack.enter_context(holder(per_child, number)): per_child // 5
            for number in range(1, children + 1)
        }
        paths = {tool: path_with(folder / tool, tool) for tool in TOOLS}
        print(f"{children} processes hold {children * per_child} descriptors, {rounds} rounds")
        for _ in range(rounds):
            for tool, path in paths.items():
                one = run(["/bin/sh", "-c", PROCESS_SCRIPT], path)
                runs.setdefault(f"script, {tool}", []).append(one)
                problem = problem_of(one, tool, held)
                if problem is not None:
                    problems.append(problem)
            runs.setdefault("lsof -nP", []).append(run(["lsof", "-nP"]))
            runs.setdefault("ss -tanp", []).append(run(["ss", "-tanp"]))
    return show(runs, problems)


def show(runs: dict[str, list[Run]], problems: list[str]) -> int:
    cpu = {name: statistics.median(one.cpu_s for one in all_) for name, all_ in runs.items()}
    wall = {name: statistics.median(one.wall_s for one in all_) for name, all_ in runs.items()}
    print(f"{'':18}{'CPU s':>8}{'wall s':>8}{'output':>12}{'of lsof':>9}{'of ss':>8}")
    for name in runs:
        size = max(len(one.output) for one in runs[name])
        to_lsof, to_ss = cpu[name] / cpu["lsof -nP"], cpu[name] / cpu["ss -tanp"]
        print(f"{name:18}{cpu[name]:8.2f}{wall[name]:8.2f}{size:12,}{to_lsof:9.2f}{to_ss:8.2f}")
        if name.startswith("script"):
            problems += [f"{name}: {size} bytes"] if size > OUTPUT_BUDGET else []
            problems += [f"{name}: {wall[name]:.1f} s"] if wall[name] > WALL_BUDGET_S else []
            if to_lsof > (2 if name.endswith("lsof") else 1):
                problems.append(f"{name}: {to_lsof:.2f} of lsof's CPU")
    for problem in problems:
        print(f"MISSED: {problem}")
    return 1 if problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--descriptors", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hold", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        hold(*options.hold)
        return 0
    return measure(options.descriptors, options.rounds)


if __name__ == "__main__":
    sys.exit(main())

"""Where the CPU time of a cold host goes: a scan of simulated hosts, sampled 500 times a second.

    python bench/cold_profile.py [--hosts 4000] [--rtt 0]

py-spy (`pip install py-spy`; as root, or where ptrace is allowed) looks at the scan's process from
outside, C functions included, so that nothing is slowed by being counted. A sample counts for the
first of the groups below that one of its frames belongs to, from the innermost frame on. Start and
imports are left out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from fleets import simulated
from peers_sockfleet import scan_command

GROUPS = {
    "cryptography": r"_rust|libcrypto|cryptography/|asyncssh/crypto/",
    "system calls": r"^(write|read|recv|send|connect|socket|close|epoll_\w+|setsockopt|accept4?|"
    r"__libc_\w+|getrandom|clock_gettime)\b",
    "uvloop": r"uvloop|^uv_",
    "asyncssh": r"asyncssh/",
    "probe's answer": r"collector/(probe|full_probe|namespaces|sockstat|containers|text)\.py|re/",
    "sockfleet's client": r"collector/(asyncssh_|dial|host_keys|known_hosts|ways|connect_clock)",
    "sockfleet's engine": r"collector/",
    "summary": r"aggregator/|cli/|output/",
    "asyncio": r"asyncio/|contextlib|inspect\.py",
}
WITHIN, IMPORTING = "run_on_event_loop", "load_transport"


def group_of(frames: list[str]) -> str:
    """The group of one sample, whose frames run from the outermost to the innermost."""
    for frame in reversed(frames):
        for group, pattern in GROUPS.items():
            if re.search(pattern, frame):
                return group
    return "other"


def counted(lines: Iterable[str]) -> Counter[str]:
    """Samples by group, of py-spy's raw format: frames with semicolons, a blank, how often."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, times = line.rpartition(" ")
        frames = stack.split(";")
        if WITHIN in stack and IMPORTING not in stack:
            found[group_of(frames)] += int(times)
    return found


def main() -> int:
    """Sample one scan and print the shares."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hosts", type=int, default=4000)
    arguments.add_argument("--rtt", type=float, default=0.0)
    given = arguments.parse_args()
    beside_python = Path(sys.executable).parent
    py_spy = shutil.which("py-spy", path=f"{beside_python}:{os.environ['PATH']}")
    if py_spy is None:
        sys.exit("py-spy is not there: pip install py-spy")
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(Path(folder, "fleet"), given.hosts, rtt_ms=given.rtt) as (target, _),
    ):
        stacks = Path(folder, "stacks")
        command = scan_command(target, target.addresses, "--workers", "1", "-o", f"{folder}/o.json")
        subprocess.run(
            [
                *(py_spy, "record", "--native", "--format", "raw", "--rate", "500", "--output"),
                *(str(stacks), "--", sys.executable, *command),
            ],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found = counted(stacks.read_text().splitlines())
    total = found.total()
    print(f"{given.hosts} hosts, {total} samples")
    for group, times in found.most_common():
        print(f"{group:<20} {times / total:6.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

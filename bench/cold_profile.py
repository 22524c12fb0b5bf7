"""The CPU time of a cold host by component: scans of simulated hosts, sampled 2,000 times a second.

    python bench/cold_profile.py [--hosts 1000] [--rounds 6]

Linux' perf (Debian's linux-perf; it needs root, or permission by kernel.perf_event_paranoid)
samples the scanning process by the CPU clock without stopping it. Start and imports are done
before. A sample counts for the file whose machine code ran: Python code, asyncssh's and ours,
counts for the interpreter.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fleets import simulated
from peers_sockfleet import with_default_probe

GROUPS = {
    "Python code": r"^(lib)?python",
    "cryptography": r"_rust|libcrypto",
    "the kernel": r"^\[",
    "memory and copying": r"^libc\b|^ld-linux",
    "the event loop": r"^loop\.|^_asyncio|^_socket",
}
_LINE = re.compile(r"\s*(?P<percent>\d+\.\d+)%\s+(?P<file>\S+)")
_WARM_UP = 100


def by_group(report: Iterable[str]) -> Counter[str]:
    """Sum up the percentages in the lines of ``perf report --sort dso`` by group."""
    shares: Counter[str] = Counter()
    for line in map(_LINE.match, report):
        if line is not None:
            shares[_group(line["file"])] += float(line["percent"])
    return shares


def _group(file: str) -> str:
    return next((name for name, pattern in GROUPS.items() if re.search(pattern, file)), "other")


@contextmanager
def record_samples(perf: str, into: Path) -> Iterator[None]:
    """Record samples of this process with perf during the block."""
    acknowledged, acknowledging = os.pipe()
    command = [perf, "record", "--event", "cpu-clock", "--freq", "2000", "--pid", str(os.getpid())]
    # perf acknowledges the command "enable" once it samples.
    commands, commanding = os.pipe()
    control = ["--delay", "-1", "--control", f"fd:{commands},{acknowledging}"]
    with subprocess.Popen(
        [*command, *control, "--output", str(into)],
        pass_fds=(commands, acknowledging),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as recorder:
        os.close(acknowledging)
        os.write(commanding, b"enable\n")
        if not os.read(acknowledged, 16):
            sys.exit("perf has no permission to sample this process: kernel.perf_event_paranoid")
        yield
        recorder.send_signal(signal.SIGINT)


def main() -> int:
    """Sample scans of one fleet and print the shares."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hosts", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=6)
    given = arguments.parse_args()
    perf = shutil.which("perf")
    if perf is None:
        sys.exit("perf is missing: apt-get install linux-perf")
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(Path(folder, "fleet"), given.hosts) as (target, _),
    ):
        with_default_probe(target, target.addresses[:_WARM_UP])
        samples = Path(folder, "samples")
        with record_samples(perf, samples):
            for _ in range(given.rounds):
                with_default_probe(target, target.addresses)
        report = subprocess.run(
            [perf, "report", "--input", str(samples), "--sort", "dso", "--stdio", "--quiet"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    print(f"{given.rounds} times {given.hosts} hosts")
    for group, percent in by_group(report.splitlines()).most_common():
        print(f"{group:<20} {percent:5.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())

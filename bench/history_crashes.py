"""Kill a process at random moments while it saves, rolls up and prunes; then check the store.

    python bench/history_crashes.py [--kills 200] [--full-disks 20] [--seed 1] [--store URL]

Each process saves scans of a made fleet, with limits so narrow that it rolls up and prunes too. A
timer of its own CPU time kills it (setitimer(2): SIGPROF ends a process at any instruction). Then
the store must open and be whole, every scan that the process called saved must be there or be
pruned, and at most the one under way may be there beside them. As root, the store is also put on
file systems of random sizes that run full in the middle. Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scanned_fleet import made_host, scan_of_hosts

from sockfleet.aggregator.fleet import FleetSummary
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.collector.probe.containers import Container
from sockfleet.history.errors import StoreError
from sockfleet.history.store.maintenance.check import check_store
from sockfleet.history.store.maintenance.retention import Limits, maintain, remember_limits
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.read import list_scans, read_scan
from sockfleet.history.store.save import save_scan

HOSTS = 60
SCANS = 14
EVERY = timedelta(minutes=20)
KEEP = timedelta(hours=3)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
CPU_S = 0.9
"""About what one process takes for its scans, and how long the latest kill waits."""
LIMITS = Limits(keep=KEEP, keep_details=timedelta(hours=1), keep_hourly=timedelta(hours=8))


def made_scan(number: int) -> FleetSummary:
    """The scan of that number; host n has the number n times 1000 plus that of the scan."""
    at = BEGIN + number * EVERY
    hosts = [
        made_host(
            f"host{place:03d}",
            1000 * place + number,
            1000 * place + number,
            namespaces=_namespaces(place, number),
        )
        for place in range(HOSTS)
    ]
    return scan_of_hosts(f"{number:032x}", at, hosts)


def _namespaces(place: int, number: int) -> tuple[NamespaceSummary, ...]:
    """The host's own, a unit that lasts, and a container that another one replaces now and then."""
    container = Container(runtime="docker", id=f"{place:032x}{number // 5:032x}")
    return (
        NamespaceSummary(inode=1, host=True, pid=1, inuse=0, tcp_close_max=number),
        NamespaceSummary(
            inode=2, host=False, pid=2, unit="web.service", inuse=0, tcp_close_max=number
        ),
        NamespaceSummary(
            inode=3, host=False, pid=3, container=container, inuse=0, tcp_close_max=number
        ),
    )


def save_scans(url: str, first: int, kill_after_s: float) -> None:
    """Save scans from that number on, and print each that is saved; die after so much CPU time."""
    with use_store(url, create=True) as store:
        signal.setitimer(signal.ITIMER_PROF, kill_after_s)
        for number in range(first, first + SCANS):
            save_scan(store, made_scan(number))
            os.write(1, f"{number}\n".encode())
            maintain(store, BEGIN + number * EVERY)


def run_and_kill(url: str, first: int, kill_after_s: float) -> tuple[list[int], bool]:
    """Run `save_scans` in a process; return what it called saved, and whether it died."""
    command = [sys.executable, __file__, "--child", url, str(first), f"{kill_after_s:.6f}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, -signal.SIGPROF):
        raise RuntimeError(f"the process ended with {done.returncode}")
    return [int(line) for line in done.stdout.split()], done.returncode != 0


def find_losses(url: str, saved: list[int], newest: int) -> Iterator[str]:
    """Yield what is wrong with a store in which these scans were saved, up to ``newest``."""
    with use_store(url) as store:
        found = check_store(store)
        yield from found.problems
        rows = {int(row.id, 16): row for row in list_scans(store)}
        kept_since = BEGIN + newest * EVERY - KEEP
        for number in saved:
            if number not in rows and BEGIN + number * EVERY >= kept_since:
                yield f"scan {number} was saved and is not there"
        for number in rows.keys() - set(saved):
            if number != max([*saved, -1]) + 1 and number <= newest:
                yield f"scan {number} was not saved and is there"
        for number, row in rows.items():
            summary = read_scan(store, row.id)
            values = {host.name: host.tcp and host.tcp.tcp_close for host in summary.hosts}
            if values != {f"host{place:03d}": 1000 * place + number for place in range(HOSTS)}:
                yield f"scan {number} has other numbers than those that were saved"


def kill_often(url: str, kills: int, seed: int) -> list[str]:
    """Kill a process so often on one store; return what was lost or damaged.

    A process that ends before its timer counts for nothing.
    """
    draw = random.Random(seed)
    first, killed, saved, problems = 0, 0, list[int](), list[str]()
    with use_store(url, create=True) as store:
        remember_limits(store, LIMITS)
    while killed < kills:
        new, was_killed = run_and_kill(url, first, draw.uniform(0.001, CPU_S))
        saved += new
        killed += was_killed
        problems += [
            f"kill {killed}: {problem}" for problem in find_losses(url, saved, max([*saved, -1]))
        ]
        with use_store(url) as store:
            rows = list_scans(store, most=1)
        # The scan under way may be there although nothing called it saved.
        newest = max([*saved, *(int(row.id, 16) for row in rows), -1])
        saved = sorted({*saved, *(int(row.id, 16) for row in rows)})
        first = newest + 1
    return problems


@contextmanager
def small_file_system(size: int) -> Iterator[Path]:
    """A file system of so many bytes; only root can mount one."""
    folder = Path(tempfile.mkdtemp(prefix="full-", dir="/tmp"))
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "sockfleet-test", folder], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill_disk(size: int) -> list[str]:
    """Save scans on a file system of so many bytes until it is full; return what was lost."""
    with small_file_system(size) as folder:
        url, saved = str(folder / "history.db"), list[int]()
        try:
            with use_store(url, create=True) as store:
                remember_limits(store, LIMITS)
                for number in range(2000):
                    save_scan(store, made_scan(number))
                    saved.append(number)
        except StoreError:
            pass
        else:
            return [f"{size} bytes: the disk never ran full"]
        remount = f"remount,size={size * 4 + (8 << 20)}"
        subprocess.run(["mount", "-o", remount, folder], check=True)
        newest = max([*saved, -1])
        with use_store(url, create=True) as store:
            save_scan(store, made_scan(newest + 1))
        problems = find_losses(url, [*saved, newest + 1], newest + 1)
        return [f"{size} bytes: {problem}" for problem in problems if KEPT not in problem]


KEPT = "was not saved and is there"


def main() -> int:
    """Kill, fill, report; return 1 if anything was lost."""
    if sys.argv[1:2] == ["--child"]:
        save_scans(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--full-disks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", help="another store than a file; it must be empty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.store or f"{folder}/history.db"
        problems = kill_often(url, arguments.kills, arguments.seed)
        with use_store(url) as store:
            scans = check_store(store).scans
    print(f"{arguments.kills} kills: {len(problems)} problems; {scans} scans are kept")
    if os.geteuid() == 0 and arguments.full_disks:
        draw = random.Random(arguments.seed)
        found = [
            problem
            for _ in range(arguments.full_disks)
            for problem in fill_disk(draw.randrange(300_000, 3_000_000))
        ]
        print(f"{arguments.full_disks} full disks: {len(found)} problems")
        problems += found
    print("\n".join(problems[:20]))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

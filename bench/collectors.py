"""Two collectors and a reader at once: no scan is lost, none is there twice, each is whole.

    python bench/collectors.py [--seconds 180] [--store URL]

Each collector saves scans of two hosts, one of its own and one that both have, and rolls up and
prunes as a command does; the reader reads all the time. The exit code is 1 if a scan is missing, is
there twice or has other numbers than its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from scanned_fleet import BEGIN, made_host, scan_of_hosts

from sockfleet.aggregator.fleet import FleetSummary
from sockfleet.history.store.maintenance.check import check_store
from sockfleet.history.store.maintenance.retention import maintain
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.read import list_scans
from sockfleet.history.store.save import save_scan
from sockfleet.history.store.series import read_series

EVERY = timedelta(minutes=1)
LATER = BEGIN + timedelta(days=29)
"""Scans of 29 days are not pruned: they are kept for 30."""
COLLECTORS = (1, 2)


def made_scan(collector: int, number: int) -> FleetSummary:
    """A scan of two hosts, whose numbers are that of the scan."""
    at = BEGIN + number * EVERY + timedelta(seconds=collector)
    hosts = [made_host(name, number, number) for name in (f"own{collector}", "shared")]
    return scan_of_hosts(f"{collector}-{number:06d}", at, hosts)


def collect(url: str, collector: int, seconds: float, scans: int, saved: Queue[int]) -> None:
    """Save scans for so long, and so many at least."""
    end, number = time.monotonic() + seconds, 0
    with use_store(url, create=True) as store:
        while number < scans or time.monotonic() < end:
            summary = made_scan(collector, number)
            save_scan(store, summary)
            maintain(store, summary.scan.started_at)
            number += 1
    saved.put(number)


def read(url: str, ended: Event) -> None:
    """Read until the collectors have ended: each scan that is seen is whole."""
    with use_store(url, create=True) as store:
        while not ended.is_set():
            seen = len(list_scans(store))
            block = read_series(store, "tcp_close", BEGIN, LATER, hosts=["shared"])
            values = _numbers(block.values[0].tolist()) if block.hosts else []
            if len(values) * len(COLLECTORS) < seen:
                raise SystemExit(f"{seen} scans are listed and {len(values)} times are read")


def find_losses(url: str, seconds: float, scans: int) -> tuple[int, list[str]]:
    """Run the collectors and the reader; return how many scans were saved, and what is wrong."""
    context = multiprocessing.get_context("spawn")
    ended, saved = context.Event(), context.Queue()
    reader = context.Process(target=read, args=(url, ended))
    collectors = [
        context.Process(target=collect, args=(url, number, seconds, scans, saved))
        for number in COLLECTORS
    ]
    for process in (reader, *collectors):
        process.start()
    for process in collectors:
        process.join()
    ended.set()
    reader.join()
    codes = [process.exitcode for process in (reader, *collectors)]
    if any(codes):
        return 0, [f"the reader and the collectors ended with {codes}"]
    counts = [saved.get() for _ in collectors]
    return sum(counts), list(_compare(url, counts))


def _compare(url: str, counts: list[int]) -> list[str]:
    with use_store(url) as store:
        problems = list(check_store(store).problems)
        block = read_series(store, "tcp_close", BEGIN, LATER, hosts=["own1", "own2"])
        listed = [row.id for row in list_scans(store)]
    if len(listed) != len(set(listed)) or len(listed) != sum(counts):
        problems.append(f"{len(listed)} scans, {len(set(listed))} ids, {sum(counts)} were saved")
    series = sorted(_numbers(row) for row in block.values.tolist())
    if series != sorted([float(number) for number in range(count)] for count in counts):
        problems.append("the hosts have other numbers than were saved")
    return problems


def _numbers(row: list[float]) -> list[float]:
    """The numbers of a series, without the times of the other collector's scans."""
    return [value for value in row if value == value]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--store", help="another store than a file; it must be empty")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"{folder}/history.db"
        scans, problems = find_losses(url, given.seconds, scans=1)
    print(f"2 collectors and a reader, {given.seconds:g} s: {scans} scans saved")
    print(f"{len(problems)} problems")
    print("\n".join(problems[:20]))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

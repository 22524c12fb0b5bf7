"""Save and read a made fleet over time, beside a plain row store, in one run.

    python bench/history.py [--hosts 10000] [--days 1] [--rounds 9]

Scans of 10 numbers go every five minutes through the real save, and into a table with a row for
each host and scan (SQLite, WAL, FULL, primary key scan and host) for comparison. Times are
medians of rounds that alternate, so that both meet the same machine; budgets are ratios of them:

F   packing the numbers of a scan, one write and one fsync of the packs
U   unpacking the packs that an answer needs

``--days 30`` is the real month; it takes more than an hour.
"""

from __future__ import annotations

import argparse
import gc
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from budget import Budget, exit_code
from scanned_fleet import BEGIN, EVERY, ScannedFleet
from sqlalchemy import select

from sockfleet.aggregator.fleet import FleetSummary
from sockfleet.aggregator.numbers import tcp_values
from sockfleet.history.store import layout
from sockfleet.history.store.database.connection import Store
from sockfleet.history.store.maintenance.retention import Limits, maintain, prune
from sockfleet.history.store.maintenance.size import size_by_part
from sockfleet.history.store.numbers import CODES, METRICS
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.pack import pack_numbers, unpack_array
from sockfleet.history.store.save import save_packs, save_scan
from sockfleet.history.store.series import read_series

DAY = timedelta(days=1)
SCANS_A_DAY = DAY // EVERY
"""Scans in a day."""
NUMBERS = (*METRICS, "elapsed_ms")


def columns_of(summary: FleetSummary) -> dict[str, list[int | None]]:
    """The ten numbers of a scan, by name, its hosts in the order of their names."""
    hosts = sorted(summary.hosts, key=lambda host: host.name)
    absent = (None,) * 8
    rows = [
        (
            *(absent if host.tcp is None else tcp_values(host.tcp)),
            host.sockets_used,
            round(host.elapsed_s * 1000),
        )
        for host in hosts
    ]
    return dict(zip(NUMBERS, map(list, zip(*rows, strict=True)), strict=True))


class RowStore:
    """The store that one would write first: a row for each scan and host."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        columns = ", ".join(f"{name} INTEGER" for name in NUMBERS)
        self.connection.execute(
            f"CREATE TABLE reading (scan INTEGER, host INTEGER, {columns}, "
            "PRIMARY KEY (scan, host)) WITHOUT ROWID"
        )

    def save(self, number: int, columns: dict[str, list[int | None]]) -> None:
        """Save the numbers of a scan in one transaction."""
        count = len(columns["alloc"])
        rows = zip([number] * count, range(count), *columns.values(), strict=True)
        marks = ", ".join("?" * (2 + len(NUMBERS)))
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT INTO reading VALUES ({marks})", rows)
        self.connection.execute("COMMIT")

    def one_host(self, host: int) -> list[tuple[int, int]]:
        """One number of one host, scan by scan."""
        query = "SELECT scan, tcp_close FROM reading WHERE host = ? ORDER BY scan"
        return list(self.connection.execute(query, (host,)))

    def growers(self) -> list[tuple[int, int]]:
        """The ten hosts that grew most from the first scan to the last."""
        query = (
            "SELECT host, max(CASE scan WHEN ? THEN tcp_close END) - "
            "max(CASE scan WHEN ? THEN tcp_close END) AS grown FROM reading "
            "WHERE tcp_close IS NOT NULL GROUP BY host ORDER BY grown DESC LIMIT 10"
        )
        ends = self.connection.execute("SELECT max(scan), min(scan) FROM reading").fetchone()
        return list(self.connection.execute(query, ends))


def timed(job: Callable[[], object]) -> float:
    """The seconds that the job takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def pack_and_sync(file: Path, columns: dict[str, list[int | None]]) -> None:
    """F: the least that can be done for a scan."""
    data = b"".join(map(pack_numbers, columns.values()))
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def save_alone(store: Store, number: int, columns: dict[str, list[int | None]]) -> None:
    """Save the packs of a scan and its row, as `save_scan` does, without anything else."""
    with store.write() as connection:
        row = connection.execute(select(layout.scans).limit(1)).one()._asdict()
        del row["id"]
        row |= {"uid": f"alone-{number}", "started_ms": row["started_ms"] - number - 1}
        found = connection.execute(layout.scans.insert().values(row)).inserted_primary_key
        save_packs(connection, int(found[0]), columns)


def unpack(store: Store, since: datetime) -> None:
    """U: read and unpack one number of all scans from then on, and nothing else."""
    scan, pack = layout.scans.c, layout.packs.c
    query = (
        select(pack.data, scan.hosts)
        .join(layout.scans, scan.id == pack.scan_id)
        .where(pack.number == CODES["tcp_close"], scan.started_ms >= since.timestamp() * 1000)
    )
    with store.read() as connection:
        for data, hosts in connection.execute(query):
            unpack_array(data, hosts)


def measure(hosts: int, days: int, rounds: int) -> Iterator[Budget]:
    """Yield the budgets."""
    fleet, scans = ScannedFleet(hosts), days * SCANS_A_DAY
    with tempfile.TemporaryDirectory() as folder:
        rows = RowStore(Path(folder) / "rows.db")
        file = Path(folder) / "history.db"
        with use_store(str(file), create=True) as store:
            whole, plain, floor, alone = [], [], [], []
            gc.disable()  # as the command does
            for number in range(scans):
                summary = fleet.scan(BEGIN + number * EVERY)
                of_day = number - (scans - SCANS_A_DAY)  # the plain rows have the last day alone
                measured = of_day > 0 and of_day % max(1, SCANS_A_DAY // rounds) == 0
                whole.append(timed(lambda summary=summary: save_scan(store, summary)))
                columns = columns_of(summary) if of_day >= 0 else {}
                if columns:
                    plain.append(timed(lambda n=number, c=columns: rows.save(n, c)))
                if measured:
                    floor.append(timed(lambda c=columns: pack_and_sync(Path(folder) / "f", c)))
                    alone.append(timed(lambda n=number, c=columns: save_alone(store, n, c)))
                if number % 50 == 0:
                    gc.collect()
            gc.enable()
            yield from _judge_saves(whole, plain, floor, alone)
            yield from _judge_size(store, rows, hosts, scans + len(alone), len(plain))
            end = BEGIN + scans * EVERY
            yield from _judge_reads(store, rows, end, rounds)
            for name, wanted in {"one host": ["host000005"], "the fleet": None}.items():
                yield from _judge_long_reads(store, end, days, name, wanted)
            yield from _judge_rollup(store, end, days, median(plain) * SCANS_A_DAY)


def _judge_saves(
    whole: list[float], plain: list[float], floor: list[float], alone: list[float]
) -> Iterator[Budget]:
    print(f"save with details and latest, median     {median(whole) * 1e3:8.1f} ms")
    print(f"save, row store, median                  {median(plain) * 1e3:8.1f} ms")
    print(f"save, packs alone, median                {median(alone) * 1e3:8.1f} ms")
    print(f"F                                        {median(floor) * 1e3:8.1f} ms")
    yield Budget(name="save, packs alone, over F", figure=median(alone) / median(floor), limit=6)
    yield Budget(
        name="save, packs alone, over the row store",
        figure=median(alone) / median(plain),
        limit=1,
    )
    yield Budget(name="save with all, over F", figure=median(whole) / median(floor), limit=40)


def _judge_size(
    store: Store, rows: RowStore, hosts: int, scans: int, row_scans: int
) -> Iterator[Budget]:
    with store.read() as connection:
        packs = connection.exec_driver_sql(
            "SELECT sum(pgsize) FROM dbstat WHERE name = '_pack' OR name LIKE '%_pack_1'"
        ).scalar()
    rows.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    ours = int(packs or 0) / (scans * hosts * len(NUMBERS))
    theirs = rows.file.stat().st_size / (row_scans * hosts * len(NUMBERS))
    print(f"bytes a number, pages included           {ours:8.2f}")
    print(f"bytes a number, row store                {theirs:8.2f}")
    parts = ", ".join(f"{name} {size / 2**20:.1f}" for name, size in size_by_part(store).items())
    print(f"MiB by part                              {parts}")
    yield Budget(name="bytes a number", figure=ours, limit=1.25)
    yield Budget(name="bytes a number, over the row store", figure=ours / theirs, limit=0.34)


def _judge_reads(store: Store, rows: RowStore, end: datetime, rounds: int) -> Iterator[Budget]:
    last_day = end - DAY
    host, series, growers, floor, theirs_one, theirs_top = [], [], [], [], [], []

    def top() -> None:
        block = read_series(store, "tcp_close", last_day, end)
        (block.values[:, -1] - block.values[:, 0]).argsort()[-10:]

    for _ in range(rounds):
        floor.append(timed(lambda: unpack(store, last_day)))
        host.append(timed(lambda: read_series(store, "tcp_close", last_day, end, ["host000005"])))
        series.append(timed(lambda: read_series(store, "tcp_close", last_day, end)))
        growers.append(timed(top))
        theirs_one.append(timed(lambda: rows.one_host(5)))
        theirs_top.append(timed(rows.growers))
    print(f"one host's last day                      {median(host) * 1e3:8.1f} ms")
    print(f"one host's day, row store                {median(theirs_one) * 1e3:8.1f} ms")
    print(f"the fleet's last day, one number         {median(series) * 1e3:8.1f} ms")
    print(f"top growers of a day                     {median(growers) * 1e3:8.1f} ms")
    print(f"top growers of a day, row store          {median(theirs_top) * 1e3:8.1f} ms")
    print(f"U of a day                               {median(floor) * 1e3:8.1f} ms")
    yield Budget(name="one host's day, over U", figure=median(host) / median(floor), limit=4)
    yield Budget(name="the fleet's day, over U", figure=median(series) / median(floor), limit=6)
    yield Budget(
        name="top growers, over the row store",
        figure=median(growers) / median(theirs_top),
        limit=1,
    )


def _judge_long_reads(
    store: Store, end: datetime, days: int, name: str, wanted: list[str] | None
) -> Iterator[Budget]:
    """The longest reads that a month allows: 30 days of one host, 14 of all, one number."""
    span = min(days, 14 if wanted is None else 30)
    if span < 2:
        return
    took, floor = [], []
    for _ in range(3):
        floor.append(timed(lambda: unpack(store, end - span * DAY)))
        took.append(timed(lambda: read_series(store, "tcp_close", end - span * DAY, end, wanted)))
    label = f"{name}'s last {span} days, one number"
    print(f"{label:41}{median(took) * 1e3:8.1f} ms")
    yield Budget(name=f"{name}'s {span} days, over U", figure=median(took) / median(floor), limit=6)


def _judge_rollup(store: Store, end: datetime, days: int, row_day_s: float) -> Iterator[Budget]:
    start = time.perf_counter()
    maintain(store, end, most_s=None)
    rolled = time.perf_counter() - start
    start = time.perf_counter()
    prune(store, Limits(keep=timedelta(0)), end + timedelta(hours=1))
    dropped = time.perf_counter() - start
    print(f"roll up, for each day                    {rolled / days:8.2f} s")
    print(f"drop, for each day                       {dropped / days:8.2f} s")
    yield Budget(
        name="roll up and drop a day, over a day of row saves",
        figure=(rolled + dropped) / days / row_day_s,
        limit=0.5,
    )


def main() -> int:
    """Measure and print; return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    print(
        f"{arguments.hosts} hosts, {arguments.days * SCANS_A_DAY} scans of {len(NUMBERS)} numbers"
    )
    budgets = list(measure(arguments.hosts, arguments.days, arguments.rounds))
    print("\n".join(map(str, budgets)))
    return exit_code(budgets)


if __name__ == "__main__":
    sys.exit(main())

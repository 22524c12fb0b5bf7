"""The cost of aggregation: N readings to a ranked summary and its JSON, then the other outputs.

    python bench/aggregate.py [--hosts 100000]

Readings are parsed before the clock starts. The benchmark prints CPU seconds per step and the peak
memory of the whole process, in which readings are made a few at a time, as in a scan, and only
their summaries are kept. Garbage is collected as in a scan. The budget from readings to JSON is a
multiple of the time in which orjson parses and writes the same JSON, and 500 MiB for 100,000 hosts;
the exit code is 1 if it is missed.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import orjson
from budget import Budget, exit_code
from memory_use import MIB, memory_bytes

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from sockfleet.aggregator.host import HostSummary, summarize_host
from sockfleet.aggregator.merge import merge_scans
from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.outcome import HostFailure, HostOutcome, HostReading
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.sockstat import parse_sockstat
from sockfleet.collector.runtime.event_loop import rare_garbage_collection
from sockfleet.inventory.models import Host
from sockfleet.output.formats import RenderOptions, load_format

BUDGET_OF_ORJSON, BUDGET_MIB, BUDGET_HOSTS = 5.5, 500, 100_000
ROUNDS = 3
AT_ONCE = 500


def readings(count: int) -> Iterator[HostOutcome]:
    """Yield a fleet of which one host in a hundred fails; each host is in two of 51 groups."""
    randomness = random.Random(1)
    for number in range(count):
        groups = (f"rack{number % 40:02}", f"role{number % 11}")
        host = Host(name=f"web{number:06}.example.com", address="10.0.0.1", groups=groups)
        if number % 100 == 0:
            yield HostFailure(
                host=host,
                address="10.0.0.1",
                attempts=2,
                elapsed_s=10.0,
                category=randomness.choice(list(Category)),
                phase=Phase.CONNECT,
                message=f"no answer from {host.name}:22 in 5 s",
            )
            continue
        inuse, tw, held = (
            randomness.randrange(500),
            randomness.randrange(90),
            randomness.randrange(3000),
        )
        yield HostReading(
            host=host,
            address="10.0.0.1",
            attempts=1,
            elapsed_s=randomness.random(),
            sockstat=parse_sockstat(
                b"sockets: used 500\n"
                b"TCP: inuse %d orphan 1 tw %d alloc %d mem 86\n"
                b"UDP: inuse 3 mem 1\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n"
                % (inuse, tw, inuse + 4 + held)
            ),
            sockstat6=parse_sockstat(
                b"TCP6: inuse 4\nUDP6: inuse 2\nUDPLITE6: inuse 0\nRAW6: inuse 1\n"
                b"FRAG6: inuse 0 memory 0\n"
            ),
            kernel=Kernel(
                release="6.1.0-28-amd64",
                boot_id=f"00000000-0000-0000-0000-{number:012x}",
                page_size=4096,
                tcp_mem=(190_000, 253_000, 380_000),
                tcp_max_orphans=65_536,
                tcp_estab=12,
            ),
        )


@dataclass(frozen=True)
class Aggregation:
    """A fleet's summary and its JSON, and the CPU seconds of each step."""

    summary: FleetSummary
    document: bytes
    summaries_s: float
    ranking_s: float
    json_s: float
    peak_mib: float
    """Of the whole process up to the JSON; the readings are not kept."""

    @property
    def total_s(self) -> float:
        return self.summaries_s + self.ranking_s + self.json_s


def aggregate_readings(count: int) -> Aggregation:
    """Aggregate ``count`` readings and write the JSON of their scan."""
    gc.disable()  # as the command does once its scan is over
    load_format("json")
    summaries_s = 0.0
    hosts: list[HostSummary] = []
    pending = readings(count)
    with rare_garbage_collection():
        # In batches, because reading the clock for each host would be measured too.
        while batch := list(islice(pending, AT_ONCE)):
            start = time.process_time()
            hosts += map(summarize_host, batch)
            summaries_s += time.process_time() - start
    now = datetime.now(UTC)
    scan = ScanInfo(
        id="bench", started_at=now, finished_at=now + timedelta(1), duration_s=1, complete=True
    )
    start = time.process_time()
    summary = summarize_fleet(hosts, scan)
    ranked = time.process_time()
    document = load_format("json").render(summary, RenderOptions())
    written = time.process_time()
    return Aggregation(
        summary=summary,
        document=document,
        summaries_s=summaries_s,
        ranking_s=ranked - start,
        json_s=written - ranked,
        peak_mib=memory_bytes("VmHWM") / MIB,
    )


def orjson_s(document: bytes) -> float:
    """Return the CPU time in which orjson parses and writes the document."""
    took_s = []
    for _ in range(ROUNDS):
        start = time.process_time()
        orjson.dumps(orjson.loads(document))
        took_s.append(time.process_time() - start)
    return statistics.median(took_s)


def budgets_of(result: Aggregation, hosts: int) -> list[Budget]:
    """Return the budgets from readings to JSON; a smaller fleet may use as much memory."""
    name = f"{hosts:,} readings to JSON"
    ratio = result.total_s / orjson_s(result.document)
    return [
        Budget(name=f"{name}: CPU, of orjson's", figure=ratio, limit=BUDGET_OF_ORJSON),
        Budget(name=f"{name}: peak memory", figure=result.peak_mib, limit=BUDGET_MIB, unit="MiB"),
    ]


def budget_figures() -> list[Budget]:
    """Measure the fleet of the budget; run this in a fresh process."""
    return budgets_of(aggregate_readings(BUDGET_HOSTS), BUDGET_HOSTS)


def main() -> int:
    """Measure and print; return 1 if a budget is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hosts", type=int, default=BUDGET_HOSTS)
    count: int = arguments.parse_args().hosts
    result = aggregate_readings(count)
    size_mib = len(result.document) / MIB
    print(f"hosts                     {count}")
    print(f"host summaries            {result.summaries_s:.2f} s")
    print(f"fleet, groups, ranking    {result.ranking_s:.2f} s")
    print(f"JSON ({size_mib:.0f} MiB)             {result.json_s:.2f} s")
    print(
        f"readings to JSON          {result.total_s:.2f} s, peak memory {result.peak_mib:.0f} MiB"
    )

    for name in ("ndjson", "csv", "table"):
        start = time.process_time()
        load_format(name).render(result.summary, RenderOptions())
        print(f"{name:<25} {time.process_time() - start:.2f} s")
    start = time.process_time()
    read_back = read_document(result.document)
    print(f"JSON read back            {time.process_time() - start:.2f} s")
    start = time.process_time()
    merge_scans([read_back, result.summary])
    print(f"merge of two, all overlap {time.process_time() - start:.2f} s")
    print(f"peak memory in the end    {memory_bytes('VmHWM') / MIB:.0f} MiB")

    budgets = budgets_of(result, count)
    print("\n".join(map(str, budgets)))
    return exit_code(budgets)


if __name__ == "__main__":
    sys.exit(main())

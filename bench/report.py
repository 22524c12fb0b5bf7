"""CPU and size of a report's page: 1,000 and 10,000 hosts over a fortnight.

Usage: ./dev bench report [HOSTS...]. The scans are made: every five minutes for 1,000 hosts, hourly
for more. It stores nothing, so what is measured is trends, values and page.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime

from made_fleets import make_fleet

from sockfleet.aggregator.host import HostSummary, Status
from sockfleet.aggregator.numbers import TCP_NUMBERS, TcpNumbers
from sockfleet.history.report.build import Wishes, make_report
from sockfleet.history.report.last_scans import LastScans
from sockfleet.output.html.page import render_page


def host_of(name: str, tcp_close: float) -> HostSummary:
    numbers = TcpNumbers(**{each: int(tcp_close) for each in TCP_NUMBERS})
    return HostSummary(name=name, port=22, status=Status.OK, attempts=1, elapsed_s=0.1, tcp=numbers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hosts", type=int, nargs="*", default=[1000, 10_000])
    for hosts in parser.parse_args().hosts:
        block = make_fleet(4, hosts=hosts, interval_s=300 if hosts <= 1000 else 3600).block
        since, until = (
            datetime.fromtimestamp(int(time_s), UTC) for time_s in (block.times[0], block.times[-1])
        )
        numbers = dict(zip(block.hosts, block.values[:, -1].tolist(), strict=True))
        read = {name: host_of(name, value) for name, value in numbers.items() if value == value}
        last = LastScans(scans=(), failures={}, failed_scans={}, hosts=read)
        started = time.process_time()
        report = make_report(block, last, {}, Wishes(since=since, until=until))
        made = time.process_time()
        page = render_page(report)
        rendered = time.process_time()
        print(
            f"{hosts:>6,} hosts, {len(block.times):,} scans: values {made - started:.2f} s, "
            f"page {rendered - made:.2f} s of CPU, {len(page) / 1000:,.0f} kB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

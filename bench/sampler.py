"""The measuring process of `scrape`: the CPU time of a sample, one line for each window.

    python bench/sampler.py TARGET.json HOSTS METHOD INTERVAL ROUNDS WINDOWS

METHOD is "namespaces" or "files". The process prints the number of connections that stay open.
Then for each window it waits for a line, samples ROUNDS rounds, and prints the milliseconds of a
sample. Each host is compared with its own numbers, while the clock is stopped.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack

from fleet_target import Target
from warm import cpu_ms, start_sampling

from sockfleet.collector.runtime.descriptor_limit import raise_descriptor_limit
from sockfleet.collector.runtime.event_loop import run_on_event_loop


async def print_windows(
    target: Target, hosts: int, *, namespaces: bool, interval_s: float, rounds: int, windows: int
) -> None:
    """Print the ms of a sample in each window."""
    async with AsyncExitStack() as stack:
        fleet, sample = await start_sampling(
            target, hosts, stack, namespaces=namespaces, interval_s=interval_s
        )
        print(fleet.connected, flush=True)
        for _ in range(windows):
            if not sys.stdin.readline():
                return
            print(await cpu_ms(sample, rounds, hosts), flush=True)


def main() -> None:
    path, hosts, method, interval_s, rounds, windows = sys.argv[1:]
    raise_descriptor_limit()
    run_on_event_loop(
        print_windows(
            Target.read(path),
            int(hosts),
            namespaces=method == "namespaces",
            interval_s=float(interval_s),
            rounds=int(rounds),
            windows=int(windows),
        )
    )


if __name__ == "__main__":
    main()

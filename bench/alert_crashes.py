"""Kill two runs at a time at random moments while they judge scans and send; then check the sink.

    python bench/alert_crashes.py [--kills 300] [--seed 1] [--store URL]

Before each pair of runs a scan of a made fleet is saved, whose hosts begin and end to hold closed
sockets. A timer of each run's own CPU time kills it (setitimer(2): SIGPROF ends a process at any
instruction). The sink is a file that each delivery is appended to. In the end every episode of
every host must be there, as firing and resolved, or as one "missed" where it ended before it was
sent; none may be invented or out of order, and a second delivery must have the same id and content.
Otherwise the exit code is 1.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from scanned_fleet import made_host, scan_of_hosts

from sockfleet.aggregator.fleet import FleetSummary
from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.notification import Message
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.rules.load import parse_rules
from sockfleet.alerting.sending import deliver
from sockfleet.alerting.sinks.sink import Answer, Delivered
from sockfleet.history.store.alerts.states import ensure_alert_tables
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan

HOSTS = 120
CPU_S = 0.25
"""About what one run takes, and how long the latest kill waits."""
RULES = b"""
version: 1
sinks: {file: {type: command}}
rules:
  - name: many
    clear-after: 1 scan
    when: [{measure: tcp_close, warning: "~:100"}]
"""
EPISODE = 4
"""Scans from the begin of one episode of a host to the next; it holds in half of them. A host has
three, as a fourth within a day would be flapping."""


def holds(host: int, scan: int) -> bool:
    """Whether a host holds closed sockets in a scan; none does in the first one."""
    since = scan - 1 - 2 * host
    return 0 <= since < 3 * EPISODE and since % EPISODE < EPISODE // 2


def made_scan(number: int, begin: datetime) -> FleetSummary:
    """The scan of that number."""
    at = begin + timedelta(seconds=number)
    hosts = [
        made_host(f"host{place}", 1000, 500 if holds(place, number) else 5)
        for place in range(HOSTS)
    ]
    return scan_of_hosts(f"{number:032x}", at, hosts, duration_s=0.0)


class FileSink:
    """Appends each alert of a message as a line, and knows nothing of earlier ones."""

    name = "file"
    repeats_all = False
    most_alerts = 5

    def __init__(self, path: str) -> None:
        self._path = path

    def send(self, message: Message) -> Answer:
        """Append in one write, as a receiver takes a message whole."""
        lines = b"".join(
            orjson.dumps([one.id, one.subject.name, str(one.event), one.key.rpartition("|")[2]])
            + b"\n"
            for one in message.alerts
        )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, lines)
        finally:
            os.close(descriptor)
        return Delivered()


def run(url: str, path: str, kill_after_s: float) -> None:
    """Judge and send once; die after so much CPU time (0: never)."""
    rules, sink = parse_rules(RULES, "rules.yml"), FileSink(path)
    traits = {"file": SinkTraits(name="file", most_alerts=sink.most_alerts)}
    with use_store(url) as store:
        signal.setitimer(signal.ITIMER_PROF, kill_after_s)
        Evaluator(store, rules, traits).run()
        deliver(store, rules.path, {"file": sink})


def start(url: str, path: Path, kill_after_s: float) -> subprocess.Popen[bytes]:
    """Start `run` in a process of its own."""
    words = [sys.executable, __file__, "--child", url, str(path), f"{kill_after_s:.6f}"]
    return subprocess.Popen(words)


def kill_often(url: str, path: Path, kills: int, seed: int) -> tuple[int, int]:
    """Save, run two at a time, kill; returns how many died, and how many scans were saved."""
    draw = random.Random(seed)
    begin = datetime.now(UTC) - timedelta(hours=12)
    killed = scans = 0
    with use_store(url, create=True) as store:
        ensure_alert_tables(store)
        save_scan(store, made_scan(0, begin))
    if start(url, path, 0).wait() != 0:
        raise RuntimeError("the first run failed")
    while killed < kills:
        scans += 1
        with use_store(url) as store:
            save_scan(store, made_scan(scans, begin))
        pair = [start(url, path, draw.uniform(0.001, CPU_S)) for _ in range(2)]
        for process in pair:
            code = process.wait()
            if code not in (0, -signal.SIGPROF):
                raise RuntimeError(f"a run ended with {code}")
            killed += code != 0
    for _ in range(2):  # what the last killed run left behind
        if start(url, path, 0).wait() != 0:
            raise RuntimeError("the last run failed")
    return killed, scans


def find_faults(path: Path, scans: int) -> Iterator[str]:
    """Yield what is wrong with what the sink got of so many scans."""
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    by_id: dict[str, list[str]] = {}
    for line in lines:
        if by_id.setdefault(line[0], line) != line:
            yield f"the id {line[0]} was delivered with two contents"
    for host in range(HOSTS):
        name = f"host{host}"
        episodes = _episodes(host, scans)
        got = [(int(line[3]), line[2]) for line in lines if line[1] == name]
        order = sorted(got, key=lambda one: (one[0], one[1] != "firing"))
        if got != order:
            yield f"{name}: out of order: {got}"
        for number, has_ended in enumerate(episodes, 1):
            events = {event for episode, event in got if episode == number}
            wanted = {"firing", "resolved"} if has_ended else {"firing"}
            if events != wanted and not (has_ended and events == {"missed"}):
                yield f"{name}: episode {number} has {sorted(events)}, expected {sorted(wanted)}"
        invented = {episode for episode, _ in got} - set(range(1, len(episodes) + 1))
        if invented:
            yield f"{name}: episodes {sorted(invented)} never transitions"


def _episodes(host: int, scans: int) -> list[bool]:
    """Each episode of a host, whether it has ended."""
    found: list[bool] = []
    for scan in range(1, scans + 1):
        if holds(host, scan) and not holds(host, scan - 1):
            found.append(False)
        if not holds(host, scan) and holds(host, scan - 1):
            found[-1] = True
    return found


def main() -> int:
    """Kill, check, report; return 1 if anything was lost, invented or out of order."""
    if sys.argv[1:2] == ["--child"]:
        run(sys.argv[2], sys.argv[3], float(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", help="another store than a file; it must be empty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "received"
        url = arguments.store or f"{folder}/history.db"
        killed, scans = kill_often(url, path, arguments.kills, arguments.seed)
        problems = list(find_faults(path, scans))
        lines = path.read_bytes().splitlines()
    transitions = sum(2 * len(_episodes(host, scans)) for host in range(HOSTS))
    twice = len(lines) - len(set(lines))
    print(
        f"{killed} kills, {scans} scans, about {transitions} transitions, {len(lines)} deliveries, "
        f"{twice} of them a second time: {len(problems)} problems"
    )
    print("\n".join(problems[:20]))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

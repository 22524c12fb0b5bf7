"""CPU and memory of `sockfleet alert` over scans of a made fleet that the store saved.

    python bench/alerts.py [--hosts 10000] [--store URL]

The rules are those that ship, and one that fires where a host holds more than a million closed
sockets. Two scans of a calm fleet are saved and judged, then two in which each host holds so many,
and two in which none does: a storm begins, goes on and ends. One sink takes 1,000 alerts a message,
one gets all that fires at each run in messages of 200, as Alertmanager does; both are in memory.
Each run is a process of its own; its CPU time and the peak of its memory begin after the imports.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
from memory_use import MIB, memory_bytes
from scanned_fleet import ScannedFleet

from sockfleet.aggregator.fleet import FleetSummary, summarize_fleet
from sockfleet.aggregator.host import HostSummary
from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.notification import Message
from sockfleet.alerting.notification_document import encode_message
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.rules.load import parse_rules, shipped_rules
from sockfleet.alerting.rules.model import RulesFile
from sockfleet.alerting.sending import deliver
from sockfleet.alerting.sinks.sink import Answer, Delivered
from sockfleet.history.store.alerts.states import ensure_alert_tables
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan

MANY = 1_000_000
SINKS = b"sinks: {direct: {type: command}, am: {type: command}}"
RULE = b"""\
  - name: storm
    clear-after: 1 scan
    when: [{measure: tcp_close, warning: "~:1000000"}]
"""
STEPS = (
    ("calm, first scan", False),
    ("calm, second scan", False),
    ("a storm begins", True),
    ("it goes on", True),
    ("it ends", False),
    ("calm again", False),
)
EVERY = timedelta(minutes=5)


class MemorySink:
    """Encodes each message, as a receiver over HTTP gets it, and keeps nothing."""

    def __init__(self, name: str, *, repeats_all: bool, most_alerts: int) -> None:
        self.name = name
        self.repeats_all = repeats_all
        self.most_alerts = most_alerts

    def send(self, message: Message) -> Answer:
        """Take it."""
        encode_message(message)
        return Delivered()


def made_rules() -> RulesFile:
    """The rules that ship, with the sinks and the rule of the storm."""
    text = shipped_rules().replace(b"sinks: {}", SINKS) + RULE
    return parse_rules(text, "rules.yml")


def judge(url: str) -> dict[str, float]:
    """Judge and send once; returns what it took."""
    rules = made_rules()
    sinks = [
        MemorySink("direct", repeats_all=False, most_alerts=1000),
        MemorySink("am", repeats_all=True, most_alerts=200),
    ]
    traits = {
        one.name: SinkTraits(
            name=one.name, repeats_all=one.repeats_all, most_alerts=one.most_alerts
        )
        for one in sinks
    }
    before = memory_bytes("VmRSS")
    with use_store(url) as store:
        began = time.process_time()
        found = Evaluator(store, rules, traits).run()
        judged = time.process_time()
        sent = deliver(store, rules.path, {one.name: one for one in sinks})
        done = time.process_time()
    return {
        "judge_s": judged - began,
        "send_s": done - judged,
        "peak_mib": (memory_bytes("VmHWM") - before) / MIB,
        "firing": sum(state.course.is_firing for state in found.states),
        "messages": sent.messages,
    }


def made_scan(fleet: ScannedFleet, at: datetime, *, is_storm: bool) -> FleetSummary:
    """The next scan of the fleet, in which each host that was read may hold very many."""
    summary = fleet.scan(at)
    if not is_storm:
        return summary
    return summarize_fleet([_hold_many(host) for host in summary.hosts], summary.scan)


def _hold_many(host: HostSummary) -> HostSummary:
    if host.tcp is None:
        return host
    many = MANY + 1 + (host.tcp.tcp_close or 0)
    return replace(host, tcp=replace(host.tcp, alloc=many + 200, tcp_close=many))


def main() -> int:
    """Save, judge and report each step."""
    if sys.argv[1:2] == ["--child"]:
        print(orjson.dumps(judge(sys.argv[2])).decode())
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--store", help="another store than a file; it must be empty")
    arguments = parser.parse_args()
    fleet = ScannedFleet(arguments.hosts)
    begin = datetime.now(UTC) - len(STEPS) * EVERY
    rules = len(made_rules().rules)
    print(f"{arguments.hosts:,} hosts, {rules} rules, CPU seconds:")
    print(f"{'':20}{'judge':>8}{'send':>8}{'peak MiB':>10}{'firing':>8}{'messages':>10}")
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.store or f"{folder}/history.db"
        with use_store(url, create=True) as store:
            ensure_alert_tables(store)
        for number, (name, is_storm) in enumerate(STEPS):
            with use_store(url) as store:
                save_scan(store, made_scan(fleet, begin + number * EVERY, is_storm=is_storm))
            words = [sys.executable, __file__, "--child", url]
            done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
            found = orjson.loads(done.stdout)
            print(
                f"{name:20}{found['judge_s']:8.2f}{found['send_s']:8.2f}{found['peak_mib']:10.0f}"
                f"{found['firing']:8,}{found['messages']:10,}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())

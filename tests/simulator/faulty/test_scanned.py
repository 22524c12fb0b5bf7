"""A scan reports the planned category of every fault, with both transports."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from sockfleet.simulator.fleet.process import FleetProcess
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.scenario import SimulatedHost
from sockfleet.simulator.scenario.verdict import find_differences

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

# A busy machine gives the faults that last another name, client_overload, as it should; a few at a
# time leave each of them enough of it.
SCAN = """
from sockfleet.cli.main import main
from sockfleet.collector import engine

engine.attribute_timeout = lambda error, **_: error
main()
"""
SHORT = ["--connect-timeout", "3", "--timeout", "15"]
LONG = ["--connect-timeout", "100", "--timeout", "200"]
"""For faults that end by themselves: how soon depends on what else the machine does."""


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
def test_a_scan_reports_the_planned_category_of_every_fault(tmp_path, transport):
    scenario = tmp_path / "faults.yml"
    roles = "".join(f"  {fault}: {{fault: {fault}}}\n" for fault in Fault)
    scenario.write_text(f"roles:\n  sound: {{count: 3, profile: web}}\n{roles}")
    with FleetProcess(tmp_path, scenario) as fleet, ExitStack() as running:
        common = ["--known-hosts", str(fleet.known_hosts), "--transport", transport]
        common += ["--retries", "0", "-c", "16"]
        scans = []
        for number, (limits, is_chosen) in enumerate(((SHORT, lasts), (LONG, ends))):
            hosts = [host for host in fleet.hosts if is_chosen(host)]
            saved = tmp_path / f"scan{number}.json"
            words = [*common, *limits, "-o", str(saved), "-l", ",".join(one.name for one in hosts)]
            command = [sys.executable, "-c", SCAN, "scan", str(fleet.inventory), *words]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            scans.append((running.enter_context(process), saved, hosts))
        for process, saved, hosts in scans:
            assert (process.wait(), process.stdout.read()) == (3, b"")
            assert find_differences(json.loads(saved.read_text()), hosts) == []


def lasts(host: SimulatedHost) -> bool:
    """Whether a host is sound, or has a fault that lasts until a limit of the scan."""
    return host.fault is None or str(host.fault.planned).endswith("_timeout")


def ends(host: SimulatedHost) -> bool:
    """Whether a host is sound, or has a fault that ends by itself."""
    return host.fault is None or not lasts(host)

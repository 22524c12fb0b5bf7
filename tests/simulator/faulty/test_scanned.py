"""A scan reports the planned category of every fault, with both transports."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sockfleet.simulator.fleet.process import FleetProcess
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.verdict import find_differences

pytestmark = pytest.mark.long

# A busy machine gives the faults that last another name, client_overload, as it should; a few at a
# time leave each of them enough of it.
SCAN = """
from sockfleet.cli.main import main
from sockfleet.collector import engine

engine.attribute_timeout = lambda error, **_: error
main()
"""


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
def test_a_scan_reports_the_planned_category_of_every_fault(tmp_path, transport):
    scenario = tmp_path / "faults.yml"
    roles = "".join(f"  {fault}: {{fault: {fault}}}\n" for fault in Fault)
    scenario.write_text(f"roles:\n  sound: {{count: 3, profile: web}}\n{roles}")
    saved = tmp_path / "scan.json"
    with FleetProcess(tmp_path, scenario) as fleet:
        command = [sys.executable, "-c", SCAN, "scan", str(fleet.inventory)]
        command += ["--known-hosts", str(fleet.known_hosts), "--transport", transport]
        command += ["--connect-timeout", "3", "--timeout", "15", "--retries", "0", "-c", "16"]
        command += ["-o", str(saved)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert find_differences(json.loads(saved.read_text()), fleet.hosts) == []

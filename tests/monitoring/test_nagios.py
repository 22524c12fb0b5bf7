"""The shipped Nagios configuration in a real Nagios, against simulated fleets over real SSH."""

import json
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from pynag.Utils import PerfData

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.cli.command_process import SOCKFLEET
from tests.support.monitoring.nagios import Nagios
from tests.support.paths import EXAMPLES

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

FLEET = """
seed: 7
roles:
  web:
    count: 5
    profile: web
    sockets: {{tcp_close: {web}}}
  checkout:
    count: 1
    profile: web
    sockets: {{tcp_close: {checkout}}}
"""


@pytest.fixture
def short_folder():
    with tempfile.TemporaryDirectory(prefix="nagios-", dir="/tmp") as name:
        yield Path(name)


def fleet(folder, name, **sockets):
    (folder / name).mkdir()
    scenario = folder / f"{name}.yml"
    scenario.write_text(FLEET.format(**sockets))
    return FleetProcess(folder / name, scenario)


def switch_fleet(folder, name):
    """Point ``current`` to this fleet, atomically."""
    link = folder / "next"
    link.symlink_to(folder / name)
    link.replace(folder / "current")


def test_a_simulated_leak_turns_a_service_from_ok_to_critical_and_back(short_folder):
    folder = short_folder
    current = folder / "current"
    login = [
        *(f"{current}/inventory.yml", "--known-hosts", f"{current}/known_hosts"),
        *("--identity", f"{current}/id_ed25519"),
    ]
    resources = [
        f"$USER5$={shlex.join(SOCKFLEET)}",
        f"$USER6$={shlex.join(login)}",
        f"$USER7$={folder}",
    ]
    nagios = Nagios(folder, [EXAMPLES / "nagios/sockfleet.cfg"], resources)
    assert nagios.warnings() == []

    def scan():
        file = f"{folder}/scan.json"
        command = [*SOCKFLEET, "scan", *login, "-q", "--against", file, "-o", file]
        subprocess.run(command, check=True)
        return json.loads(Path(file).read_text())

    with (
        fleet(folder, "healthy", web=4, checkout=6),
        fleet(folder, "leaking", web=4, checkout=9000),
    ):
        switch_fleet(folder, "healthy")
        scan()
        with nagios.running():
            growth = "growth of closed sockets"
            unknown = nagios.results.wait_for(growth, "HARD UNKNOWN")
            assert "--against" in unknown.output, "one scan has nothing to compare with"
            ok = nagios.results.wait_for("closed sockets", "HARD OK")
            assert "6 of 6 hosts read, tcp_close 26 (checkout 6" in ok.output

            switch_fleet(folder, "leaking")
            change = scan()["fleet"]["change"]
            critical = nagios.results.wait_for("closed sockets", "HARD CRITICAL")
            assert "worst.tcp_close 9000 above 2000 (checkout 9000" in critical.output
            growth_critical = nagios.results.wait_for(growth, "HARD CRITICAL")
            assert "worst.growth.tcp_close" in growth_critical.output
            metrics = {
                metric.label: metric for metric in PerfData(growth_critical.perfdata).metrics
            }
            rate = float(metrics["growth.tcp_close"].value)
            assert rate == change["rate_per_hour"]["tcp_close"]
            assert rate == pytest.approx(8994 * 3600 / change["against"]["elapsed_s"], rel=1e-3)

            switch_fleet(folder, "healthy")
            scan()
            nagios.results.wait_for("closed sockets", "HARD OK")
            nagios.results.wait_for(growth, "HARD OK")
    metrics = {metric.label: metric for metric in PerfData(critical.perfdata).metrics}
    worst = metrics["worst.tcp_close"]
    assert (worst.value, worst.warn, worst.crit) == ("9000", "~:500", "~:2000")
    assert (metrics["read"].value, metrics["read"].max) == ("6", "6")
    assert metrics["duration_s"].uom == "s"

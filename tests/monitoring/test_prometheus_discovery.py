"""A real Prometheus finds the hosts of an inventory by a file that sockfleet writes."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.support.cli.command_process import run_sockfleet
from tests.support.hostile_text import HOSTILE
from tests.support.monitoring.running_daemons import running_daemon
from tests.support.paths import EXAMPLES
from tests.support.ssh.sshd import free_port

SHIPPED = yaml.safe_load((EXAMPLES / "prometheus/prometheus.yml").read_text())
(JOB,) = [job for job in SHIPPED["scrape_configs"] if job["job_name"] == "fleet"]


def write_inventory(folder: Path) -> Path:
    """Write hosts that differ in what a target is made of; the last has a hostile group."""
    hostile = HOSTILE["label"].decode()
    inventory = {
        "all": {
            "children": {
                "production": {"hosts": {"web1": {"ansible_host": "127.0.0.2"}}},
                "staging": {"hosts": {"web2": {"ansible_host": "127.0.0.2"}}},
                "unmonitored": {"hosts": {"old": None}},
                "six": {"hosts": {"v6": {"ansible_host": "::1"}}},
                f"{hostile},staging": {"hosts": {'a "b" \\c': {"ansible_host": "127.0.0.3"}}},
            }
        }
    }
    path = folder / "inventory.yml"
    path.write_text(json.dumps(inventory))
    return path


def write_configuration(folder: Path, file: Path) -> Path:
    job = {**JOB, "file_sd_configs": [{"files": [str(file)]}], "scrape_interval": "1h"}
    path = folder / "prometheus.yml"
    path.write_text(json.dumps({"scrape_configs": [job]}))  # JSON is YAML
    return path


@pytest.fixture
def discovery(tmp_path):
    """The file of targets and a configuration that reads it."""
    file = tmp_path / "targets.json"
    words = ["inventory", write_inventory(tmp_path), "-f", "prometheus-sd", "-o", file]
    done = run_sockfleet(*words, "--exporter-port", "1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return file, write_configuration(tmp_path, file)


def active_targets(port: int, *, count: int) -> dict[str, dict[str, str]]:
    """Return the labels of the targets by instance, once there are so many."""
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets") as answer:
            found = json.load(answer)["data"]["activeTargets"]
        if len(found) == count:
            return {one["labels"]["instance"]: one for one in found}
        assert time.monotonic() < deadline, found
        time.sleep(0.1)  # the API has no way to wait


def test_promtool_accepts_the_file(discovery):
    _, configuration = discovery
    done = subprocess.run(
        ["promtool", "check", "config", configuration], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "does not exist" not in done.stdout + done.stderr


def test_prometheus_names_its_targets_as_the_inventory_and_keeps_groups(discovery, tmp_path):
    file, configuration = discovery
    port = free_port()
    command = ["prometheus", f"--config.file={configuration}"]
    command += [
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running_daemon(command, ready="ready to receive web requests"):
        found = active_targets(port, count=4)
        assert found["web1"]["labels"] == {
            "instance": "web1",
            "job": "fleet",
            "environment": "production",
        }
        assert found["web2"]["labels"]["environment"] == "staging"
        assert (
            found["web1"]["scrapeUrl"] == found["web2"]["scrapeUrl"] == "http://127.0.0.2:1/metrics"
        )
        assert found["v6"]["scrapeUrl"] == "http://[::1]:1/metrics"
        # A comma in a group's name puts the host into no other group.
        assert found['a "b" \\c']["labels"] == {"instance": 'a "b" \\c', "job": "fleet"}
        words = ["inventory", "web7,", "-f", "prometheus-sd", "-o", file]
        assert run_sockfleet(*words).returncode == 0
        assert active_targets(port, count=1)["web7"]["scrapeUrl"] == "http://web7:9100/metrics"

"""From a scan to an alert through the real node_exporter and Prometheus."""

from __future__ import annotations

import json
import queue
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.cli.command_process import run_sockfleet
from tests.support.monitoring.running_daemons import running_daemon
from tests.support.paths import EXAMPLES
from tests.support.ssh.sshd import free_port

RULES = EXAMPLES / "prometheus" / "sockfleet-rules.yml"
TESTS = EXAMPLES / "prometheus" / "sockfleet-rules-test.yml"
PAST_S = 8 * 3600
STEP_S = 300

SCENARIO = """
roles:
  web: {{count: 4, profile: web, groups: [web], sockets: {{tcp_close: 100}}}}
  shop: {{profile: web, groups: [web], sockets: {{tcp_close: {leaked}}}}}
  old: {{fault: denied}}
"""


@pytest.mark.parametrize(
    "job",
    [
        ["check", "rules", RULES],
        ["test", "rules", TESTS],
        ["check", "config", EXAMPLES / "prometheus/prometheus.yml"],
    ],
)
def test_promtool_accepts_the_shipped_files(job):
    done = subprocess.run(["promtool", *job], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def scan(folder: Path, *, leaked: int, to: Path) -> None:
    """Scan, as cron does, a simulated fleet whose host shop holds ``leaked`` closed sockets."""
    folder.mkdir()
    scenario = folder / "scenario.yml"
    scenario.write_text(SCENARIO.format(leaked=leaked))
    with FleetProcess(folder, scenario) as fleet:
        words = ["scan", fleet.inventory, "-q", "--known-hosts", fleet.known_hosts, "-o", to]
        done = run_sockfleet(*words)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr


def make_history(text: str, *, until: float, instance: str) -> str:
    """Return 8 hours of the same metrics as OpenMetrics, in which the shop's leak grows from 0."""
    lines = []
    for family in text_string_to_metric_families(text):
        lines.append(f"# TYPE {family.name} gauge")
        for sample in family.samples:
            names = {"job": "node", "instance": instance, **sample.labels}
            labels = ",".join(f'{name}="{value}"' for name, value in names.items())
            leaks = (sample.name, sample.labels.get("host")) == ("sockfleet_host_tcp_close", "shop")
            for ago in range(PAST_S, 0, -STEP_S):
                value = sample.value * (1 - ago / PAST_S) if leaks else sample.value
                lines.append(f"{sample.name}{{{labels}}} {value} {until - ago:.3f}")
    return "\n".join([*lines, "# EOF\n"])


@contextmanager
def alert_receiver() -> Iterator[tuple[int, queue.Queue[dict[str, Any]]]]:
    """A server in place of the Alertmanager; yields its port and the alerts it receives."""
    received: queue.Queue[dict[str, Any]] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            for alert in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
                # Whether it fires is known on arrival: its end is a few seconds ahead.
                ends = datetime.fromisoformat(alert["endsAt"])
                received.put({**alert, "firing": ends > datetime.now(UTC)})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever).start()
    try:
        yield server.server_port, received
    finally:
        server.shutdown()
        server.server_close()


def wait_for_alert(
    received: queue.Queue[dict[str, Any]], name: str, *, firing: bool
) -> dict[str, str]:
    """Return the labels of the next alert of that name that fires, or is resolved."""
    while True:
        alert = received.get(timeout=60)
        if alert["labels"]["alertname"] == name and alert["firing"] == firing:
            return alert["labels"]


def query_by_host(port: int, query: str) -> dict[str, float]:
    """Return the values of a query by the label ``host``."""
    words = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{words}") as answer:
        result = json.load(answer)["data"]["result"]
    return {one["metric"].get("host", ""): float(one["value"][1]) for one in result}


def configuration(*, exporter: int, alertmanager: int) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {
                    "job_name": "node",
                    "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}],
                }
            ],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
            },
        }
    )


@contextmanager
def node_exporter(textfiles: Path) -> Iterator[int]:
    port = free_port()
    command = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--collector.disable-defaults", "--collector.textfile"]
    command += [f"--collector.textfile.directory={textfiles}"]
    with running_daemon(command, ready="Listening on"):
        yield port


@contextmanager
def prometheus(folder: Path, *, exporter: int, alertmanager: int) -> Iterator[int]:
    port = free_port()
    file = folder / "prometheus.yml"  # JSON is YAML
    file.write_text(configuration(exporter=exporter, alertmanager=alertmanager))
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    # The first alerts can be lost, as Prometheus does not know the receiver yet.
    command += ["--rules.alert.resend-delay=1s"]
    with running_daemon(command, ready="ready to receive web requests"):
        yield port


def test_a_simulated_leak_fires_the_shipped_alert_and_its_end_resolves_it(tmp_path):
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    target = textfiles / "fleet.prom"
    scan(tmp_path / "leaking", leaked=900, to=target)
    with node_exporter(textfiles) as exporter, alert_receiver() as (alertmanager, received):
        history = tmp_path / "history.txt"
        history.write_text(
            make_history(target.read_text(), until=time.time(), instance=f"127.0.0.1:{exporter}")
        )
        load = ["promtool", "tsdb", "create-blocks-from", "openmetrics"]
        done = subprocess.run(
            [*load, history, tmp_path / "tsdb"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        with prometheus(tmp_path, exporter=exporter, alertmanager=alertmanager) as port:
            names = ("SockfleetClosedSocketsGrow", "SockfleetClosedSocketsGrowApart")
            fired = wait_for_alert(received, names[0], firing=True)
            assert (fired["host"], fired["severity"]) == ("shop", "warning")
            hosts = [f"web{n}" for n in range(1, 5)]
            assert query_by_host(port, "sockfleet_host_up") == dict.fromkeys(
                [*hosts, "shop"], 1
            ) | {"old": 0}
            assert query_by_host(port, "sockfleet_host_tcp_close") == dict.fromkeys(hosts, 100) | {
                "shop": 900
            }
            assert query_by_host(port, "node_textfile_scrape_error") == {"": 0}
            firing = f'ALERTS{{alertname=~"{"|".join(names)}", alertstate="firing"}}'
            assert query_by_host(port, firing).keys() == {"shop"}
            scan(tmp_path / "mended", leaked=100, to=target)
            assert wait_for_alert(received, names[0], firing=False)["host"] == "shop"
            assert query_by_host(port, "sockfleet_host_tcp_close")["shop"] == 100

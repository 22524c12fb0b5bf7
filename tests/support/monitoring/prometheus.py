"""A real Prometheus with its node_exporter and Alertmanager on loopback, and a made past."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.monitoring.json_receiver import JsonReceiver
from tests.support.monitoring.running_daemons import running_daemon
from tests.support.paths import EXAMPLES
from tests.support.ssh.sshd import free_port

__all__ = [
    "ALERTMANAGER",
    "RULES",
    "ask_api",
    "load_history",
    "query",
    "query_by_host",
    "run_collector",
    "run_configuration",
    "run_node_exporter",
    "run_prometheus",
    "run_shipped_alertmanager",
    "wait_until",
]

RULES = EXAMPLES / "prometheus" / "sockfleet-rules.yml"
ALERTMANAGER = EXAMPLES / "alertmanager" / "alertmanager.yml"
_STEP_S = 300


@contextmanager
def run_node_exporter(textfiles: Path) -> Iterator[int]:
    """Export the files of a folder during the block; yields the port."""
    with run_collector("textfile", f"--collector.textfile.directory={textfiles}") as port:
        yield port


@contextmanager
def run_collector(name: str, option: str) -> Iterator[int]:
    """Run node_exporter with one collector during the block; yields the port."""
    port = free_port()
    command = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--collector.disable-defaults", f"--collector.{name}", option]
    with running_daemon(command, ready="Listening on"):
        yield port


@contextmanager
def run_prometheus(folder: Path, *, exporter: int, alertmanager: int) -> Iterator[int]:
    """Scrape the exporter and evaluate the shipped rules each second; yields the port."""
    configuration = {
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
    # The first alerts can be lost, as Prometheus does not know the receiver yet.
    with run_configuration(folder, configuration, "--rules.alert.resend-delay=1s") as (_, port):
        yield port


@contextmanager
def run_configuration(
    folder: Path, configuration: Mapping[str, object], *options: str
) -> Iterator[tuple[int, int]]:
    """Run Prometheus with this configuration during the block; yields its pid and port."""
    port = free_port()
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", *options]
    with running_daemon(command, ready="ready to receive web requests") as pid:
        yield pid, port


@contextmanager
def run_shipped_alertmanager(folder: Path, receiver: JsonReceiver) -> Iterator[int]:
    """Run the shipped configuration during the block; yields the port.

    Each of its receivers posts to the path of its name, and groups wait for seconds.
    """
    configuration = yaml.safe_load(ALERTMANAGER.read_text())
    del configuration["global"]
    for route in (configuration["route"], *configuration["route"]["routes"]):
        route |= {"group_wait": "2s", "group_interval": "1s"}
    configuration["receivers"] = [
        {"name": name, "webhook_configs": [{"url": receiver.url(f"/{name}")}]}
        for name in (each["name"] for each in configuration["receivers"])
    ]
    file = folder / "alertmanager.yml"
    file.write_text(json.dumps(configuration))
    port = free_port()
    command = ["prometheus-alertmanager", f"--config.file={file}", "--cluster.listen-address="]
    command += [f"--storage.path={folder / 'alertmanager'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    with running_daemon(command, ready="Listening on"):
        yield port


def load_history(
    text: str,
    folder: Path,
    *,
    instance: str,
    hours: float,
    grows: Callable[[str, str], bool],
    only: Collection[str] = (),
) -> None:
    """Give Prometheus a past of these metrics, in which those of ``grows`` grow ever faster from 0.

    ``grows`` gets a metric and its host; ``only`` names the metrics, empty: all.
    """
    until, past = time.time(), round(hours * 3600)
    lines = []
    for family in text_string_to_metric_families(text):
        if only and family.name not in only:
            continue
        lines.append(f"# TYPE {family.name} gauge")
        for sample in family.samples:
            names = {"job": "node", "instance": instance, **sample.labels}
            labels = ",".join(f'{name}="{value}"' for name, value in names.items())
            leaks = grows(sample.name, sample.labels.get("host", ""))
            for ago in range(past, 0, -_STEP_S):
                value = sample.value * (1 - ago / past) ** 4 if leaks else sample.value
                lines.append(f"{sample.name}{{{labels}}} {value} {until - ago:.3f}")
    history = folder / "history.txt"
    history.write_text("\n".join([*lines, "# EOF\n"]))
    load = ["promtool", "tsdb", "create-blocks-from", "openmetrics", history, folder / "tsdb"]
    done = subprocess.run(load, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def ask_api(port: int, path: str, **words: object) -> Any:
    """Return the data of an answer of Prometheus's API."""
    asked = urllib.parse.urlencode(words)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}?{asked}") as answer:
        return json.load(answer)["data"]


def query(port: int, expression: str) -> list[dict[str, Any]]:
    """Return the samples of an instant query."""
    return ask_api(port, "query", query=expression)["result"]


def query_by_host(port: int, expression: str) -> dict[str, float]:
    """Return the values of a query by the label ``host``."""
    return {
        one["metric"].get("host", ""): float(one["value"][1]) for one in query(port, expression)
    }


def wait_until(holds: Callable[[], object], *, seconds: float = 60) -> None:
    """Wait until a condition holds that only Prometheus's API shows: it has no way to wait."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not hold"
        time.sleep(0.1)

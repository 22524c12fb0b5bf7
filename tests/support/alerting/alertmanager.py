"""A real Alertmanager on loopback that tells a receiver of ours what it notifies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.alerting.http_receiver import Receiver
from tests.support.monitoring.running_daemons import running_daemon
from tests.support.ssh.sshd import free_port

__all__ = ["Alertmanager", "run_alertmanager"]

_CONFIGURATION = """
route:
  receiver: hook
  group_by: ['...']
  group_wait: 10ms
  group_interval: 50ms
  repeat_interval: 100h
receivers:
  - name: hook
    webhook_configs: [{{url: '{url}', send_resolved: true}}]
"""


@dataclass
class Alertmanager:
    """The running daemon."""

    url: str
    hook: Receiver

    def query(self, *matchers: str) -> list[dict[str, Any]]:
        """The alerts that fire, as amtool shows them."""
        words = ["amtool", f"--alertmanager.url={self.url}", "--output=json", "alert", "query"]
        done = subprocess.run([*words, *matchers], check=True, capture_output=True)
        return json.loads(done.stdout)

    def wait_for(self, status: str, **labels: str) -> dict[str, Any]:
        """Return the notification of one alert, once it came."""

        def find() -> list[dict[str, Any]]:
            return [
                request.document
                for request in self.hook.requests
                if request.document["status"] == status
                and labels.items() <= request.document["commonLabels"].items()
            ]

        self.hook.wait_for(lambda requests: bool(find()))
        return find()[0]


@contextmanager
def run_alertmanager(folder: Path, hook: Receiver) -> Iterator[Alertmanager]:
    """Run one during the block, without peers."""
    configuration = folder / "alertmanager.yml"
    configuration.write_text(_CONFIGURATION.format(url=hook.url))
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus-alertmanager",
        f"--config.file={configuration}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running_daemon(command, ready="Listening on"):
        yield Alertmanager(url=f"http://{address}", hook=hook)

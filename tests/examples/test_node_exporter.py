"""The real node_exporter exports cron's file through the link that docs/monitoring.md makes."""

from __future__ import annotations

import subprocess
import urllib.request

from tests.support.machine.example_machine import EXAMPLES
from tests.support.monitoring.running_daemons import running_daemon
from tests.support.ssh.sshd import free_port

(LINK,) = [
    line
    for line in (EXAMPLES.parent / "docs/monitoring.md").read_text().splitlines()
    if line.startswith("ln ") and "node-exporter" in line
]


def test_node_exporter_follows_the_link(machine):
    place = machine.root / LINK.split()[-1][1:]
    place.parent.mkdir(parents=True)
    subprocess.run(LINK.replace("/var/", f"{machine.root}/var/").split(), check=True)
    command = [machine.command, "scan", "--profile", "cron"]
    subprocess.run(command, env=machine.environment, check=True)
    assert place.is_symlink()
    port = free_port()
    exporter = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"]
    exporter += ["--collector.disable-defaults", "--collector.textfile"]
    exporter += [f"--collector.textfile.directory={place.parent}"]
    with (
        running_daemon(exporter, ready="Listening on"),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        shown = answer.read().decode()
    assert 'sockfleet_host_up{host="web1"} 1\n' in shown
    assert "node_textfile_scrape_error 0\n" in shown

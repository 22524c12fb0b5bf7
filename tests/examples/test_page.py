"""docs/monitoring.md, "Cron and systemd": its lines work in their order."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from sockfleet.cli.configuration.file import read_configuration
from tests.support.machine.example_machine import EXAMPLES

ROOT = EXAMPLES.parent
PAGE = (ROOT / "docs/monitoring.md").read_text()
SECTION = PAGE[PAGE.index("## Cron and systemd\n") : PAGE.index("## Prometheus\n")]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
INSTALLS = [line for line in LINES if line.startswith("install ")]
COMMANDS = [line for line in LINES if line.startswith("sockfleet ")]
RUN = "sockfleet scan --profile cron"
# Lines that change the machine itself; tests/examples runs the result of each.
SYSTEM = {
    "python3 -m venv /opt/sockfleet",
    "/opt/sockfleet/bin/pip install .",
    "ln -s /opt/sockfleet/bin/sockfleet /usr/local/bin/sockfleet",
    "systemd-sysusers",
    "systemd-tmpfiles --create",
    "ln -sfn /var/lib/sockfleet/sockfleet.prom /var/lib/prometheus/node-exporter/sockfleet.prom",
    "systemctl daemon-reload",
    "systemctl enable --now sockfleet.timer",
}


def test_every_line_is_run_by_a_test():
    assert set(LINES) == SYSTEM | set(INSTALLS) | set(COMMANDS)


def test_every_file_that_the_page_names_is_there():
    named = set(re.findall(r"examples/[\w./-]*\w", PAGE))
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), name


def test_every_example_of_cron_and_systemd_is_named_in_the_page():
    for folder in ("cron", "systemd"):
        for file in (EXAMPLES / folder).iterdir():
            assert f"examples/{folder}/{file.name}" in SECTION


def test_each_file_is_installed_where_its_first_line_says():
    for line in INSTALLS:
        source, target = line.split()[-2:]
        if source.startswith(("examples/cron", "examples/systemd")):
            assert (ROOT / source).read_text().startswith(f"# {target}: ")


@pytest.fixture
def desk(machine, tmp_path):
    """A checkout with the key and host keys that the page expects."""
    folder = tmp_path / "checkout"
    shutil.copytree(EXAMPLES, folder / "examples")
    shutil.copy(machine.inventory, folder / "examples/inventory.yml")
    for name in ("id_ed25519", "known_hosts"):
        shutil.copy(machine.settings / name, folder / name)
    for file in (machine.root / "etc").rglob("*"):
        if file.is_file():
            file.unlink()
    return folder


def test_all_lines_of_the_page_in_their_order(machine, desk):
    for line in INSTALLS:
        command = line.replace(" /etc/", f" {machine.root}/etc/")
        subprocess.run(["sh", "-c", command], cwd=desk, check=True)
    configuration = machine.root / "etc/xdg/sockfleet/sockfleet.toml"
    configuration.write_text(machine.placed("sockfleet.toml"))
    # The second run is the first that can compare.
    for line in (*COMMANDS[: COMMANDS.index(RUN)], RUN, *COMMANDS[COMMANDS.index(RUN) :]):
        done = subprocess.run(
            ["sh", "-c", line.replace("/var/lib", f"{machine.root}/var/lib")],
            cwd=machine.state,
            env=machine.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        # The hosts are this machine, which may exceed a level.
        codes = {0, 1, 2} if line.startswith("sockfleet check") else {0}
        # The inventory of this test logs in as another user than the page's.
        told = [each for each in done.stderr.splitlines() if "names another user" not in each]
        assert (done.returncode in codes, told) == (True, []), line + done.stdout
        if line == f"{RUN} --list-hosts":
            assert done.stdout == "web1\nweb2\n"
            assert not list(machine.state.iterdir())
        elif line == RUN:
            assert done.stdout == ""
            assert json.loads((machine.state / "scan.json").read_bytes())["scan"]["complete"]
            # As logrotate leaves it after a day.
            shutil.copy(machine.state / "scan.json", machine.state / "scan.json-20261121")
        elif "--against" in line:
            assert "CHANGE" in done.stdout
        elif line.startswith("sockfleet check"):
            assert "'worst.growth.tcp_close'=" in done.stdout


def test_the_example_of_a_configuration_has_no_fault(tmp_path):
    (text,) = [text for kind, text in BLOCKS if kind == "toml"]
    assert tomllib.loads(text)
    file = tmp_path / "c.toml"
    file.write_text(text)
    file.chmod(0o644)
    assert read_configuration(file, named=True).faults == []


def test_the_shipped_configuration_has_no_fault():
    path = Path(EXAMPLES / "sockfleet.toml")
    found = read_configuration(path, named=True)
    assert (list(found.faults), list(found.profiles)) == ([], ["cron"])

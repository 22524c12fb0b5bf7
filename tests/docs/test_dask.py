"""docs/dask.md: its commands run as written, with addresses of this machine."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
import yaml

from sockfleet.cli.main import cli
from sockfleet.inventory.sources.load import load_inventory
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.fleet.dask_cluster import DaskCluster, wait_for_line
from tests.support.paths import ROOT
from tests.support.ssh.sshd import free_port

PAGE = (ROOT / "docs/dask.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
HOSTS = 12


def lines_of(section):
    """The commands below that title."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [line for line in text.splitlines() if line in LINES]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with LeanFleetProcess(tmp_path_factory.mktemp("fleet"), hosts=HOSTS) as process:
        yield process


class Operator:
    """Follows the page in a separate folder, with the programs of this environment."""

    def __init__(self, folder, fleet, stack, monkeypatch):
        self.folder = folder
        self.stack = stack
        self.port = free_port()
        (folder / "inventory.yml").write_bytes(fleet.inventory.read_bytes())
        # The page expects the hosts' keys where ssh keeps them.
        ssh = Path.home() / ".ssh"
        ssh.mkdir()
        (ssh / "known_hosts").write_bytes(fleet.known_hosts.read_bytes())
        monkeypatch.chdir(folder)

    def words(self, line):
        here = line.replace("10.0.0.5:8786", f"127.0.0.1:{self.port}").replace(
            "10.0.0.5", "127.0.0.1"
        )
        here = here.replace("--port 8786", f"--port {self.port}")
        program, *words = shlex.split(here)
        if program == "dask":
            words[0] = f"distributed.cli.dask_{words[0]}"
            return [sys.executable, "-m", *words]
        return (
            [sys.executable, "-m", "sockfleet.cli", *words]
            if program == "sockfleet"
            else shlex.split(here)
        )

    def start(self, line, ready):
        log = self.folder / f"{line.split()[1]}.log"
        with log.open("wb") as written:
            process = self.stack.enter_context(
                subprocess.Popen(self.words(line), stdout=written, stderr=written)
            )
        self.stack.callback(process.terminate)  # its nannies end their workers
        wait_for_line(ready, log, process)

    def run(self, line, *more):
        return subprocess.run(
            [*self.words(line), *more], capture_output=True, check=False, timeout=100
        )

    def follow(self, lines):
        """Start the servers, run the other commands; return the document of the last, a scan."""
        for line in lines:
            if line.startswith("dask scheduler"):
                self.start(line, b"Scheduler at:")
            elif line.startswith("dask worker"):
                self.start(line, b"Registered to:")
            elif line.startswith("sockfleet"):
                result = self.run(line, "-f", "json")
                assert result.returncode == 0, result.stderr
                return json.loads(result.stdout)
            else:
                assert self.run(line).returncode == 0
        raise AssertionError("the page has no scan")


@pytest.fixture
def operator(tmp_path, fleet, monkeypatch):
    with ExitStack() as stack:
        yield Operator(tmp_path, fleet, stack, monkeypatch)


def test_the_start_runs_as_written(operator):
    lines = [line for line in lines_of("Start") if "8786" in line]
    assert operator.follow(lines)["fleet"]["hosts"]["ok"] == HOSTS


def test_the_cluster_of_this_machine_runs_as_written(operator):
    (line,) = [line for line in lines_of("Start") if line.endswith("--dask local")]
    assert operator.follow([line])["fleet"]["hosts"]["ok"] == HOSTS


def test_the_cluster_with_certificates_runs_as_written(operator):
    (text,) = [text for kind, text in BLOCKS if kind == "yaml" and "require-encryption" in text]
    settings = text.replace("cert.pem", str(operator.folder / "cert.pem"))
    settings = settings.replace("key.pem", str(operator.folder / "key.pem"))
    configuration = Path.home() / ".config/dask/sockfleet.yaml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(settings)
    assert yaml.safe_load(settings)["distributed"]["comm"]["require-encryption"] is True
    assert operator.follow(lines_of("Security"))["fleet"]["hosts"]["ok"] == HOSTS


def test_the_regions_are_those_of_its_inventory(tmp_path):
    (text,) = [text for kind, text in BLOCKS if kind == "yaml" and "sockfleet_region" in text]
    (tmp_path / "inventory.yml").write_text(text)
    inventory = load_inventory([str(tmp_path / "inventory.yml")])
    regions = {name: host.variables["sockfleet_region"] for name, host in inventory.hosts.items()}
    assert regions == {"web1": "eu", "web2": "eu", "web3": "us", "web4": "us"}
    (line,) = lines_of("Regions")
    assert '--resources "eu=1"' in line


def test_a_worker_starts_with_the_resources_of_the_page(tmp_path):
    (line,) = lines_of("Regions")
    words = shlex.split(line)
    with DaskCluster(tmp_path / "dask") as cluster:
        worker = cluster.worker(*words[words.index("--resources") :])
        assert worker.poll() is None


def test_every_option_of_ours_that_is_named_exists():
    command = cli.get_command(click.Context(cli), "scan")
    ours = {option for parameter in command.params for option in parameter.opts}
    named = set(re.findall(r"`(--[a-z-]+)`", PAGE))
    dask_s = {"--no-dashboard", "--port", "--worker-port", "--nanny-port"}
    assert named - dask_s <= ours
    assert dask_s <= named


def test_the_defaults_of_dask_are_as_the_page_says():
    """In a separate process: in this one a test may have loaded another configuration."""
    names = ("distributed.scheduler.allowed-failures", "distributed.scheduler.worker-ttl")
    script = f"import dask, distributed; print([dask.config.get(name) for name in {names}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"[3, '5 minutes']\n"

"""The files in examples/ work unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli.command_process import run_sockfleet
from tests.support.paths import EXAMPLES


def test_this_machine_is_scanned_without_ssh():
    done = run_sockfleet("scan", str(EXAMPLES / "this-machine.yml"), "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    (host,) = json.loads(done.stdout)["hosts"]
    assert (host["name"], host["status"]) == ("this-machine", "ok")
    assert host["tcp"]["alloc"] >= 0


@pytest.mark.parametrize("name", ["inventory.yml", "this-machine.yml"])
def test_ansible_reads_the_same_groups_and_hosts(name):
    path = str(EXAMPLES / name)
    ours = run_sockfleet("inventory", "--list", path)
    theirs = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-inventory"), "--list", "-i", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ours.returncode, ours.stderr) == (0, "")
    assert hosts_of(ours.stdout) == hosts_of(theirs.stdout)


def hosts_of(listing: str) -> dict[str, list[str]]:
    groups = json.loads(listing)
    return {name: group.get("hosts", []) for name, group in groups.items() if name != "_meta"}


def test_hosts_of_the_example_inventory_can_be_selected():
    done = run_sockfleet(
        "scan", "--list-hosts", "-l", "db:&production", str(EXAMPLES / "inventory.yml")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["db-a.example.com", "db-b.example.com"]

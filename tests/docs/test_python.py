"""docs/python.md and the README: every block of Python runs as it stands, on real servers."""

import json
import re
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.ssh.over_ssh import known_hosts_of


def blocks_of(page):
    return re.findall(
        r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE
    )


BLOCKS = blocks_of("docs/python.md")


@pytest.fixture
def run(sshd, tmp_path, monkeypatch):
    """Run a block beside an inventory of two hosts that can be read and one that cannot."""
    known_hosts = known_hosts_of(sshd, tmp_path)
    (tmp_path / "home/.ssh").mkdir()
    known_hosts.replace(tmp_path / "home/.ssh/known_hosts")
    hosts = {name: {"ansible_host": f"127.0.0.{n}"} for n, name in enumerate("abc", 1)}
    hosts["c"]["ansible_port"] = 1
    (tmp_path / "inventory.yml").write_text(inventory(sshd, hosts))

    def call(block):
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return call


def inventory(sshd, hosts):
    common = {
        "ansible_port": sshd.port,
        "ansible_user": sshd.user,
        "ansible_ssh_private_key_file": str(sshd.client_key),
    }
    return json.dumps({"all": {"vars": common, "children": {"web": {"hosts": hosts}}}})


def test_a_scan(run):
    assert re.fullmatch(
        r"2 of 3 hosts read\n\d+ sockets are closed and still held\n", run(BLOCKS[0])
    )


def test_the_numbers_of_a_host(run):
    lines = run(BLOCKS[1]).splitlines()
    assert re.fullmatch(r"[ab]: -?\d+ of \d+, (all|visible)-namespaces", lines[0])
    assert re.match(r"c: refused: ", lines[-1])


def test_a_repeated_scan(run):
    lines = run(BLOCKS[2]).splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert lines[0].endswith("first round")


def test_hooks(run):
    assert run(BLOCKS[3]).splitlines()[-1] == "stopped"


def test_the_readme(run):
    (block,) = blocks_of("README.md")
    first, *hosts = run(block).splitlines()
    assert re.fullmatch(r"2 hosts read, \d+ sockets held", first)
    assert sorted(line.split()[0] for line in hosts) == ["a", "b"]


def test_every_block_is_run():
    assert len(BLOCKS) == 4

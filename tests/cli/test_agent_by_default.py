"""The agent of SSH_AUTH_SOCK is used by default, and contacted only where a key of it may help."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.agent import EmptyAgent, ssh_agent
from tests.support.ssh.sshd import Sshd, ssh_keygen

TRANSPORTS = ("asyncssh", "paramiko")


@pytest.fixture
def empty_agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmptyAgent]:
    with TemporaryDirectory(prefix="sockfleet-agent-") as folder:  # a short path, as sockets need
        agent = EmptyAgent(Path(folder, "socket"))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.path))
        yield agent
        agent.close()


@pytest.fixture
def scan(sshd: Sshd, tmp_path: Path):
    """Scan three addresses of one server; returns the failures by category."""
    (tmp_path / "known_hosts").write_text(sshd.known_hosts_lines())
    (tmp_path / "hosts").write_text(
        "".join(f"127.0.0.{n} ansible_port={sshd.port}\n" for n in (1, 2, 3))
    )

    def run(*words: object) -> dict[str, int]:
        common = ("--known-hosts", "known_hosts", "-f", "json")
        done = run_sockfleet("scan", "hosts", *common, *words, cwd=tmp_path)
        failures: dict[str, int] = json.loads(done.stdout)["fleet"]["failures"]
        return failures

    return run


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_key_file_that_logs_in_needs_no_agent(scan, sshd, empty_agent, transport):
    assert scan("-i", sshd.client_key, "--transport", transport) == {}
    assert empty_agent.connections == 0


def test_an_agent_without_keys_is_contacted_once_for_all_hosts(scan, empty_agent, tmp_path):
    other = ssh_keygen(tmp_path / "other")
    assert scan("-i", other) == {"auth_denied": 3}
    assert empty_agent.connections == 1
    assert scan("-i", other, "--no-agent") == {"auth_denied": 3}
    assert empty_agent.connections == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_key_that_only_the_agent_has_logs_in(scan, sshd, monkeypatch, transport):
    with ssh_agent(sshd.client_key) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        assert scan("--transport", transport) == {}
        assert scan("--transport", transport, "--no-agent") == {"config": 3}

"""The agent of SSH_AUTH_SOCK is used by default, and contacted only where a key of it may help."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.agent import CountingAgent, EmptyAgent, ssh_agent
from tests.support.ssh.key_forms import FEW_ROUNDS, copy
from tests.support.ssh.sshd import Sshd, ssh_keygen

TRANSPORTS = ("asyncssh", "paramiko")
PATIENT = ("--timeout", "60", "--connect-timeout", "60")  # the machine may be busy


@pytest.fixture
def empty_agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmptyAgent]:
    with TemporaryDirectory(prefix="sockfleet-agent-") as folder:  # a short path, as sockets need
        agent = EmptyAgent(Path(folder, "socket"))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.path))
        yield agent
        agent.close()


@pytest.fixture
def counting_agent(monkeypatch: pytest.MonkeyPatch, sshd: Sshd) -> Iterator[CountingAgent]:
    """A real agent that holds the key of the server, and counts the requests to it."""
    with (
        TemporaryDirectory(prefix="sockfleet-agent-") as folder,
        ssh_agent(sshd.client_key) as real,
    ):
        agent = CountingAgent(Path(folder, "socket"), real)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.path))
        yield agent
        agent.close()


@pytest.fixture
def scan(sshd: Sshd, tmp_path: Path):
    """Scan addresses of one server, three or so many; returns the failures by category."""
    (tmp_path / "known_hosts").write_text(sshd.known_hosts_lines())

    def run(*words: object, hosts: int = 3) -> dict[str, int]:
        (tmp_path / "hosts").write_text(
            "".join(
                f"host{n} ansible_host=127.0.0.{n % 3 + 1} ansible_port={sshd.port}\n"
                for n in range(hosts)
            )
        )
        common = ("--known-hosts", "known_hosts", "-f", "ndjson")
        done = run_sockfleet("scan", "hosts", *common, *words, cwd=tmp_path)
        failures: dict[str, int] = json.loads(done.stdout.splitlines()[-1])["fleet"]["failures"]
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


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_keys_of_an_agent_are_listed_once_for_fifty_hosts(scan, counting_agent, transport):
    assert scan("--transport", transport, *PATIENT, hosts=50) == {}
    assert (counting_agent.listings, counting_agent.signatures) == (1, 50)
    # A login signs over its own connection, so that one that is cut off costs no other its answer.
    assert counting_agent.connections == 51


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_locked_key_that_the_agent_holds_takes_no_further_listing(
    scan, sshd, counting_agent, transport, tmp_path
):
    locked = copy(sshd.client_key, tmp_path / "locked")
    change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", *FEW_ROUNDS, "-f", str(locked)]
    subprocess.run(change, check=True)
    assert scan("-i", locked, "--transport", transport) == {}
    assert (counting_agent.listings, counting_agent.signatures) == (1, 3)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("line", ["IdentitiesOnly yes", "IdentityAgent none"])
def test_hosts_that_may_use_no_key_of_the_agent_do_not_contact_it(
    scan, counting_agent, transport, line, tmp_path
):
    """Their own key is refused, so that every other method gets its turn."""
    config = tmp_path / "config"
    config.write_text(f"{line}\nIdentityFile {ssh_keygen(tmp_path / 'other')}\n")
    words = ("--ssh-config", config, "--transport", transport, *PATIENT)
    assert scan(*words, hosts=50) == {"auth_denied": 50}
    assert counting_agent.connections == 0


def test_the_rounds_of_a_repeated_scan_list_the_keys_once(scan, counting_agent):
    """Their connections stay open."""
    assert scan("--repeat", "3", "--interval", "0.5", *PATIENT) == {}
    assert (counting_agent.listings, counting_agent.signatures) == (1, 3)

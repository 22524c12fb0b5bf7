"""Every probe over a real Dropbear, which ends a connection whose command is too long.

Needs root, which creates the account that logs in.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sockfleet.collector.probe.answer import ProbeAnswer
from sockfleet.collector.probe.become import Become, sudoers_line
from sockfleet.collector.probe.full_probe import FullProbe
from sockfleet.collector.probe.script import ProbeOptions, new_marker, probe_command
from sockfleet.collector.sampling.methods import SamplingMethod
from tests.support.cli.command_process import run_sockfleet
from tests.support.fleet.sampling import SampledFleet, run_scenario, settle
from tests.support.machine.become_rules import sudoers
from tests.support.machine.login_users import login_user, shell_path
from tests.support.machine.namespaces import Holder, holder
from tests.support.ssh.dropbear import Dropbear, run_dropbear
from tests.support.ssh.over_ssh import ask, settings_for

ADDRESS = "127.0.36.1"
PROCESSES = ProbeOptions(processes=True)
ALL_OPTIONS = {
    "usual": ProbeOptions(),
    "--no-namespaces": ProbeOptions(namespaces=False),
    "--processes": PROCESSES,
    "--process-args": ProbeOptions(processes=True, arguments=True),
    "--no-namespaces --processes": ProbeOptions(namespaces=False, processes=True),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Dropbear]:
    # Not below pytest's own folder, which is closed to the account.
    with TemporaryDirectory(prefix="sockfleet-dropbear-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "home"
        with (
            login_user("sf-dropbear", shell_path("sh"), home) as user,
            run_dropbear(folder, user=user, home=home, address=ADDRESS) as running,
        ):
            yield running


@pytest.fixture
def known_hosts(server: Dropbear, tmp_path: Path) -> Path:
    path = tmp_path / "known_hosts"
    path.write_text(server.known_hosts_line())
    return path


def allow_as_root(server: Dropbear, options: ProbeOptions):
    return sudoers(sudoers_line(server.user, probe_command(new_marker(), options)))


def holds(answer: ProbeAnswer, one: Holder) -> bool:
    """Whether the answer names the holder's process with its sockets."""
    assert answer.processes is not None
    found = {process.pid: process.tcp_close for process in answer.processes.seen}
    return found.get(one.pid) == one.tcp_close


def test_dropbear_ends_a_connection_whose_command_is_longer_than_9000_bytes(server, known_hosts):
    for size, status in ((8999, 0), (9100, 255)):
        words = ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={known_hosts}", "-p"]
        words += [str(server.port), "-i", str(server.client_key), "-o", "BatchMode=yes"]
        words += [f"{server.user}@{server.address}", "true".ljust(size)]
        assert subprocess.run(words, capture_output=True, check=False).returncode == status


@pytest.mark.parametrize("options", ALL_OPTIONS.values(), ids=ALL_OPTIONS)
def test_every_probe_is_read(transport, server, known_hosts, options):
    probe = FullProbe(options)
    output = ask(transport, settings_for(known_hosts), server.host(), probe.command).output
    answer = probe.read(output)
    assert (answer.namespaces is not None) is options.namespaces
    assert (answer.processes is not None) is options.processes


@pytest.mark.parametrize("options", ALL_OPTIONS.values(), ids=ALL_OPTIONS)
def test_every_probe_is_read_as_root_by_the_rule_for_it(transport, server, known_hosts, options):
    probe = FullProbe(options, Become.AUTO)
    with holder(idle=19) as one, allow_as_root(server, options):
        output = ask(transport, settings_for(known_hosts), server.host(), probe.command).output
    answer = probe.read(output)
    assert (answer.namespaces is not None) is options.namespaces
    assert (answer.processes is not None) is options.processes
    assert not options.processes or holds(answer, one)


@pytest.mark.usefixtures("asyncssh_path", "short_pauses")
@pytest.mark.parametrize("become", [None, Become.SUDO])
@pytest.mark.parametrize("options", [ProbeOptions(), PROCESSES], ids=["usual", "--processes"])
def test_repeated_samples_use_one_connection(server, known_hosts, options, become):
    one_each = options.processes or become is not None
    method = SamplingMethod.COMMAND if one_each else SamplingMethod.SHELL

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        assert fleet.fleet.methods() == {"router1": method}
        assert fleet.fleet.connected == 1
        host = (await fleet.round())["router1"]
        assert (host.processes is not None) is options.processes

    with allow_as_root(server, options):
        run_scenario(known_hosts, [server.host()], scenario, probe=options, become=become)


@pytest.mark.parametrize("transport_name", ["asyncssh", "paramiko"])
def test_a_scan_names_the_processes_as_root(server, known_hosts, tmp_path, transport_name):
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(
        f"router1 ansible_host={server.address} ansible_port={server.port} "
        f"ansible_user={server.user}\n"
    )
    words = ["scan", inventory, "--processes", "--become", "--format", "json", "--retries", "0"]
    words += ["-i", server.client_key, "--known-hosts", known_hosts]
    words += ["--transport", transport_name]
    with holder(idle=23) as one, allow_as_root(server, PROCESSES):
        done = run_sockfleet(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    assert {process["pid"]: process["tcp_close"] for process in host["processes"]}[one.pid] == 23

"""The methods of a sample over an open connection: shell loop, SFTP, a command each time."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncssh
import pytest

from sockfleet.aggregator.host import Status
from sockfleet.collector.probe.forced_probe import FORCED_COMMAND
from sockfleet.collector.sampling.host_sampler import HostSampler
from sockfleet.collector.sampling.methods import SamplingMethod
from sockfleet.collector.ssh.credentials.authorized_key import format_authorized_key
from sockfleet.inventory.models import Host, Probe, Secret, SshSettings
from tests.support.fleet.sampling import SampledFleet, host_at, run_scenario, settle
from tests.support.ssh.over_ssh import known_hosts_of, logins
from tests.support.ssh.server_in_thread import server_in_thread
from tests.support.ssh.sshd import Sshd

pytestmark = pytest.mark.usefixtures("short_pauses", "asyncssh_path")

HELD = 173


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as running:
        yield running


def method_of(fleet: SampledFleet, name: str = "web1") -> SamplingMethod:
    return fleet.fleet.methods()[name]


@contextmanager
def idle_sockets(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.socket())
        yield


async def sees_opened_sockets(fleet: SampledFleet) -> None:
    """Other processes open sockets too, so one of several tries has to be exact."""
    for _ in range(50):
        before = (await fleet.round())["web1"].tcp.tcp_close
        with idle_sockets(HELD):
            during = (await fleet.round())["web1"].tcp.tcp_close
        after = (await fleet.round())["web1"].tcp.tcp_close
        if (during - before, during - after) == (HELD, HELD):
            return
    raise AssertionError(f"{HELD} sockets were never seen: {before}, {during}, {after}")


@pytest.mark.parametrize(
    ("namespaces", "method"), [(True, SamplingMethod.SHELL), (False, SamplingMethod.SFTP)]
)
def test_a_sample_sees_sockets_opened_since_the_last_one(server, known_hosts, namespaces, method):
    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        assert method_of(fleet) is method
        await sees_opened_sockets(fleet)
        assert method_of(fleet) is method
        assert fleet.fleet.connected == 1

    run_scenario(known_hosts, [host_at(server)], scenario, namespaces=namespaces)
    assert logins(server) == 1


def test_a_host_that_logs_its_sessions_through_a_terminal_is_sampled_by_the_shell(tmp_path):
    # script(1) runs the command at a terminal, which ends lines in CR LF and echoes the requests.
    config = ['ForceCommand script -qefc "$SSH_ORIGINAL_COMMAND" /dev/null']
    with Sshd(tmp_path / "sshd", config=config) as server:

        async def scenario(fleet: SampledFleet) -> None:
            await settle(fleet)
            assert method_of(fleet) is SamplingMethod.SHELL
            await sees_opened_sockets(fleet)

        run_scenario(known_hosts_of(server, tmp_path), [host_at(server)], scenario)
        assert logins(server) == 1


@pytest.mark.parametrize("namespaces", [True, False])
def test_connections_survive_a_rekey_by_the_server(tmp_path, namespaces):
    config = ["RekeyLimit 8K", "LogLevel DEBUG1"]
    with Sshd(tmp_path / "sshd", config=config) as server:

        async def scenario(fleet: SampledFleet) -> None:
            await settle(fleet)
            for _ in range(400):
                assert (await fleet.round())["web1"].status is Status.OK

        run_scenario(
            known_hosts_of(server, tmp_path), [host_at(server)], scenario, namespaces=namespaces
        )
        assert logins(server) == 1
        assert server.log.read_text().count("SSH2_MSG_NEWKEYS received") > 10


def test_a_server_with_one_session_is_sampled_and_refreshed(tmp_path, monkeypatch):
    config = ["MaxSessions 1"]
    with Sshd(tmp_path / "sshd", config=config) as server:
        for namespaces, method in ((True, SamplingMethod.SHELL), (False, SamplingMethod.SFTP)):

            async def scenario(fleet: SampledFleet, method: SamplingMethod = method) -> None:
                await settle(fleet)
                assert method_of(fleet) is method
                monkeypatch.setattr(HostSampler, "is_ready", lambda *_: False)
                await settle(fleet)
                monkeypatch.undo()
                await settle(fleet)
                assert method_of(fleet) is method

            known = known_hosts_of(server, tmp_path)
            run_scenario(known, [host_at(server)], scenario, namespaces=namespaces)
        assert logins(server) == 2


def test_without_sftp_the_shell_is_used(tmp_path):
    server = Sshd(tmp_path / "sshd")
    lines = server.config.read_text().splitlines()
    server.config.write_text("\n".join([*(x for x in lines if "Subsystem" not in x), ""]))

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        assert method_of(fleet) is SamplingMethod.SHELL
        await sees_opened_sockets(fleet)

    with server:
        known = known_hosts_of(server, tmp_path)
        run_scenario(known, [host_at(server)], scenario, namespaces=False)
        assert logins(server) == 1


def test_a_forced_command_is_run_each_time(server, known_hosts):
    key = server.client_key.with_suffix(".pub").read_text()
    server.authorized_keys.write_text(format_authorized_key(key, FORCED_COMMAND) + "\n")

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        assert method_of(fleet) is SamplingMethod.COMMAND
        await sees_opened_sockets(fleet)
        assert (await fleet.round())["web1"].scope == "host-namespace"

    run_scenario(known_hosts, [host_at(server, probe=Probe.FORCED)], scenario)
    assert logins(server) == 1


def test_a_server_that_keeps_no_connection_open_gets_a_new_one_each_time(tmp_path):
    """Some small servers close the connection with its first session."""
    logins: list[asyncssh.SSHServerConnection] = []

    class Open(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            logins.append(conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, _username: str, _password: str) -> bool:
            return True

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        words = ["sh", "-c", process.command or ""]
        child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        process.stdout.write((await child.communicate())[0])
        process.exit(0)
        await process.wait_closed()
        process.channel.get_connection().abort()

    async def listen(key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Open,
            server_host_keys=[key],
            process_factory=run,
            encoding=None,
        )

    async def scenario(fleet: SampledFleet) -> None:
        for _ in range(6):
            assert (await fleet.round())["web1"].status is Status.OK
        assert fleet.fleet.connected == 0
        assert not fleet.fleet.kept

    with server_in_thread(tmp_path, listen) as port:
        ssh = SshSettings(user="probe", password=Secret("unused"))
        host = Host(name="web1", address="127.0.0.1", port=port, ssh=ssh)
        run_scenario(tmp_path / "known_hosts", [host], scenario)
        assert len(logins) <= 6 + 2


# The shell loop.


@pytest.mark.parametrize("refreshes", [False, True])
def test_a_killed_shell_is_started_again_on_the_same_connection(
    server, known_hosts, monkeypatch, refreshes
):
    """Also where a full probe was due and requested from the killed shell."""

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        if refreshes:
            monkeypatch.setattr(HostSampler, "is_ready", lambda *_: False)
        (shell,) = [pid for pid in server.sessions() if name_of(pid) in ("sh", "dash")]
        os.kill(shell, signal.SIGKILL)
        assert (await fleet.round())["web1"].status is Status.OK
        monkeypatch.undo()
        await settle(fleet)
        assert method_of(fleet) is SamplingMethod.SHELL

    run_scenario(known_hosts, [host_at(server)], scenario)
    assert logins(server) == 1


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_the_shell_keeps_no_file_open_and_has_no_child(server, known_hosts):
    """An open file of a namespace would keep it alive after its container has ended."""

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        (shell,) = [pid for pid in server.sessions() if name_of(pid) in ("sh", "dash")]
        faults = child_faults(shell)
        for _ in range(5):
            await fleet.round()
            assert descriptors_of(shell) == {0, 1, 2}
        assert child_faults(shell) == faults

    run_scenario(known_hosts, [host_at(server)], scenario)


def descriptors_of(pid: int) -> set[int]:
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def child_faults(pid: int) -> int:
    """Page faults of its reaped children: any child has some (proc_pid_stat(5))."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[8])

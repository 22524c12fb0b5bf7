"""Samples over kept connections, against a real OpenSSH server."""

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
from over_ssh import ssh_settings
from sampling import QUICK_SHELL, Sampled, host_at, sampled, settled
from server_in_thread import server_in_thread
from sshd import Sshd

from sockfleet.aggregator.host import HostSummary, Status
from sockfleet.collector import warm_backoff
from sockfleet.collector.authorized_keys import authorized_line
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.reading import HostReading
from sockfleet.collector.warm_host import WarmHost
from sockfleet.collector.warm_plan import WarmWay
from sockfleet.inventory.models import Connection, Hop, Host, Probe, Secret, SshSettings

HELD = 173


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd", config=(QUICK_SHELL,)) as running:
        yield running


@pytest.fixture
def known_hosts(server: Sshd, tmp_path: Path) -> Path:
    return known_hosts_of(server, tmp_path)


def known_hosts_of(server: Sshd, folder: Path) -> Path:
    path = folder / "known_hosts"
    path.write_text(server.known_hosts_lines())
    return path


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_backoff, "FIRST_S", 0.01)
    monkeypatch.setattr(warm_backoff, "MOST_S", 0.2)


def way_of(fleet: Sampled, name: str = "web1") -> WarmWay:
    return fleet.fleet.ways()[name]


@contextmanager
def idle_sockets(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.socket())
        yield


async def sees_what_is_opened(fleet: Sampled) -> None:
    """The machine's other processes open sockets too: exact in one of some tries."""
    for _ in range(50):
        before = (await fleet.round())["web1"].tcp.tcp_close
        with idle_sockets(HELD):
            during = (await fleet.round())["web1"].tcp.tcp_close
        after = (await fleet.round())["web1"].tcp.tcp_close
        if (during - before, during - after) == (HELD, HELD):
            return
    raise AssertionError(f"{HELD} sockets were never seen: {before}, {during}, {after}")


@pytest.mark.parametrize(("namespaces", "way"), [(True, WarmWay.SHELL), (False, WarmWay.SFTP)])
def test_a_sample_sees_sockets_opened_since_the_last(server, known_hosts, namespaces, way):
    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        assert way_of(fleet) is way
        await sees_what_is_opened(fleet)
        assert way_of(fleet) is way
        assert fleet.fleet.connected == 1

    sampled(known_hosts, [host_at(server)], scenario, namespaces=namespaces)
    assert logins(server) == 1


def logins(server: Sshd) -> int:
    return server.log.read_text().count("Accepted publickey")


def is_exact(found: dict[str, HostSummary]) -> bool:
    """A quick sample, in a round in which no other process's namespace came or went."""
    return found["web1"].scope == "all-namespaces" and found["web1"].uncertainty is None


def test_a_sample_is_as_whole_as_a_scan_of_the_host(server, known_hosts):
    async def scenario(fleet: Sampled) -> list[HostSummary]:
        await settled(fleet)
        return [(await fleet.until(is_exact))["web1"] for _ in range(2)]

    first, second = sampled(known_hosts, [host_at(server)], scenario)
    for one in (first, second):
        assert one.scope == "all-namespaces"
        assert one.address == "127.0.0.1"
        assert one.kernel.release == os.uname().release
        assert one.kernel.boot_id is not None
        assert one.kernel.page_size == os.sysconf("SC_PAGE_SIZE")
        assert one.kernel.tcp_estab is None, "it is of the moment, and no sample reads it"
        assert one.namespaces[0].host, "its own first, whatever else runs there"
        assert one.uncertainty is None, "each file is read once"
        assert one.attempts == 1


def test_a_server_that_allows_one_session_is_sampled_and_refreshed(tmp_path, monkeypatch):
    config = (QUICK_SHELL, "MaxSessions 1")
    with Sshd(tmp_path / "sshd", config=config) as server:
        for namespaces, way in ((True, WarmWay.SHELL), (False, WarmWay.SFTP)):

            async def scenario(fleet: Sampled, way: WarmWay = way) -> None:
                await settled(fleet)
                assert way_of(fleet) is way
                monkeypatch.setattr(WarmHost, "is_quick", lambda *_: False)
                await settled(fleet)
                monkeypatch.undo()
                await settled(fleet)
                assert way_of(fleet) is way

            known = known_hosts_of(server, tmp_path)
            sampled(known, [host_at(server)], scenario, namespaces=namespaces)
        assert logins(server) == 2


def test_without_sftp_the_shell_is_taken(tmp_path):
    server = Sshd(tmp_path / "sshd", config=(QUICK_SHELL,))
    lines = server.config.read_text().splitlines()
    server.config.write_text("\n".join([*(x for x in lines if "Subsystem" not in x), ""]))

    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        assert way_of(fleet) is WarmWay.SHELL
        await sees_what_is_opened(fleet)

    with server:
        known = known_hosts_of(server, tmp_path)
        sampled(known, [host_at(server)], scenario, namespaces=False)
        assert logins(server) == 1


def test_a_forced_command_is_run_each_time(server, known_hosts):
    key = server.client_key.with_suffix(".pub").read_text()
    server.authorized_keys.write_text(authorized_line(key) + "\n")

    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        assert way_of(fleet) is WarmWay.COMMAND
        await sees_what_is_opened(fleet)
        assert (await fleet.round())["web1"].scope == "host-namespace"

    sampled(known_hosts, [host_at(server, probe=Probe.FORCED)], scenario)
    assert logins(server) == 1


def test_a_lost_connection_is_made_anew_in_the_same_round(server, known_hosts):
    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        for pid in server.sessions():
            os.kill(pid, signal.SIGKILL)
        assert (await fleet.round())["web1"].status is Status.OK
        assert fleet.fleet.connected == 1

    sampled(known_hosts, [host_at(server)], scenario)
    assert logins(server) == 2


def test_a_server_that_was_away_comes_back_by_itself(server, known_hosts):
    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        server.stop()
        lost = (await fleet.round())["web1"]
        assert (lost.status, lost.error.category) == (Status.FAILED, "refused")
        pausing = await fleet.until(lambda found: "not tried again" in found["web1"].error.message)
        assert (pausing["web1"].error.category, pausing["web1"].attempts) == ("refused", 0)
        with server:
            await fleet.until(lambda found: found["web1"].status is Status.OK)
            await settled(fleet)

    sampled(known_hosts, [host_at(server)], scenario, retries=0)


def test_a_frozen_host_fails_and_comes_back_when_it_is_thawed(server, known_hosts):
    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        frozen = [server.pid, *server.sessions()]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            late = (await fleet.round())["web1"]
            assert late.error.category == "command_timeout"
            assert "no sample in 0.5 s over the connection that was open" in late.error.message
            again = await fleet.until(lambda found: found["web1"].attempts > 0)
            assert again["web1"].error.category == "banner_timeout"
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        await fleet.until(lambda found: found["web1"].status is Status.OK)

    sampled(known_hosts, [host_at(server)], scenario, timeout_s=0.5, retries=0)


@pytest.mark.parametrize("renews", [False, True])
def test_a_shell_that_was_killed_is_started_anew_on_the_same_connection(
    server, known_hosts, monkeypatch, renews
):
    """Also where the whole probe was due, and was asked of the shell that had just been killed."""

    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        if renews:
            monkeypatch.setattr(WarmHost, "is_quick", lambda *_: False)
        (shell,) = [pid for pid in server.sessions() if name_of(pid) in ("sh", "dash")]
        os.kill(shell, signal.SIGKILL)
        assert (await fleet.round())["web1"].status is Status.OK
        monkeypatch.undo()
        await settled(fleet)
        assert way_of(fleet) is WarmWay.SHELL

    sampled(known_hosts, [host_at(server)], scenario)
    assert logins(server) == 1


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_the_shell_keeps_no_file_open_and_has_no_child(server, known_hosts):
    """An open file of a namespace would keep it alive after its container."""

    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        (shell,) = [pid for pid in server.sessions() if name_of(pid) in ("sh", "dash")]
        faults = child_faults(shell)
        for _ in range(5):
            await fleet.round()
            assert descriptors_of(shell) == {0, 1, 2}
        assert child_faults(shell) == faults

    sampled(known_hosts, [host_at(server)], scenario)


def descriptors_of(pid: int) -> set[int]:
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def child_faults(pid: int) -> int:
    """Page faults of the children that it waited for: any child has some (proc_pid_stat(5))."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[8])


def test_a_refused_login_is_not_tried_again(server, known_hosts, monkeypatch):
    monkeypatch.setattr(warm_backoff, "MOST_S", 300.0)
    server.authorized_keys.write_text("")

    async def scenario(fleet: Sampled) -> None:
        for _ in range(5):
            denied = (await fleet.round())["web1"]
            assert denied.error.category == "auth_denied"
        assert denied.attempts == 0
        assert "not tried again for" in denied.error.message

    sampled(known_hosts, [host_at(server)], scenario)
    assert server.log.read_text().count("Connection from") == 1


def test_hosts_that_fail_stand_in_every_round_beside_the_others(server, known_hosts):
    hosts = [
        host_at(server),
        host_at(server, "closed", port=1),
        host_at(server, "nowhere", address="no-such-name.invalid"),
        Host(name="here", address="here", connection=Connection.LOCAL),
        host_at(server, "over-paramiko", transport="paramiko"),
    ]

    async def scenario(fleet: Sampled) -> None:
        for _ in range(4):
            found = await fleet.round()
            failed = {name for name, host in found.items() if host.status is Status.FAILED}
            assert failed == {"closed", "nowhere"}
            assert set(found) == {host.name for host in hosts}
        assert fleet.fleet.connected == 1
        assert fleet.fleet.kept == {"web1", "closed", "nowhere"}

    sampled(known_hosts, hosts, scenario)


def test_hosts_beyond_what_may_be_kept_are_asked_anew(server, known_hosts):
    hosts = [host_at(server, f"web{n}", address="127.0.0.1") for n in range(4)]

    async def scenario(fleet: Sampled) -> None:
        for _ in range(3):
            found = await fleet.round()
            assert all(host.status is Status.OK for host in found.values())
            assert fleet.fleet.connected <= 1

    sampled(known_hosts, hosts, scenario, most_kept=1)
    assert logins(server) == 1 + 3 * 3


def test_what_a_deliverer_raises_ends_the_rounds(server, known_hosts):
    class StopHereError(Exception):
        pass

    def deliver(_sample: object) -> None:
        raise StopHereError

    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        with pytest.raises(StopHereError):
            await anext(fleet.fleet.rounds(1, deliver))

    sampled(known_hosts, [host_at(server)], scenario)


def test_stopped_in_a_round_every_host_is_accounted_for(server, known_hosts):
    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        for pid in server.sessions():
            os.kill(pid, signal.SIGSTOP)
        rounds = fleet.fleet.rounds(2, lambda sample: fleet.fleet.stop("SIGINT"))
        last = await anext(rounds)
        assert not last.complete
        read, cut = (sample.outcome for sample in last.samples)
        assert isinstance(read, HostReading)
        assert (cut.host.name, cut.category) == ("web1", Category.NOT_ATTEMPTED)
        assert cut.message == "cut off by SIGINT"
        with pytest.raises(StopAsyncIteration):
            await anext(rounds)
        for pid in server.sessions():
            os.kill(pid, signal.SIGCONT)

    here = Host(name="here", address="here", connection=Connection.LOCAL)
    sampled(known_hosts, [host_at(server), here], scenario)


def test_what_nobody_foresaw_costs_one_sample_and_no_more(server, known_hosts, monkeypatch):
    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)

        def broken(*_arguments: object, **_named: object) -> None:
            raise HostError(Category.PARSE, Phase.PARSE, "the shell on the host answered nonsense")

        monkeypatch.setattr(WarmHost, "answered", broken)
        failed = (await fleet.round())["web1"]
        assert failed.error.category == "parse"
        monkeypatch.undo()
        monkeypatch.setattr(warm_backoff, "FIRST_S", 0.01)
        await fleet.until(lambda found: found["web1"].status is Status.OK)
        assert fleet.fleet.connected == 1

    sampled(known_hosts, [host_at(server)], scenario)


def test_behind_a_bastion_connections_stay_open_and_come_back_with_it(tmp_path):
    config = (QUICK_SHELL,)
    with (
        Sshd(tmp_path / "bastion", config=config) as bastion,
        Sshd(tmp_path / "inside", addresses=["127.0.0.5"], config=config) as inside,
    ):
        known = tmp_path / "known_hosts"
        known.write_text(bastion.known_hosts_lines() + inside.known_hosts_lines())
        hop = Hop(address="127.0.0.1", port=bastion.port, ssh=ssh_settings(bastion))
        ssh = ssh_settings(inside, jumps=(hop,))
        hosts = [host_at(inside, f"web{n}", ssh=ssh) for n in range(3)]

        async def scenario(fleet: Sampled) -> None:
            await settled(fleet)
            assert fleet.fleet.connected == 3
            assert logins(bastion) == 1
            for pid in bastion.sessions():
                os.kill(pid, signal.SIGKILL)
            await fleet.until(
                lambda found: all(host.status is Status.OK for host in found.values())
            )
            assert logins(bastion) == 2

        sampled(known, hosts, scenario)


def test_a_dead_connection_is_found_between_two_rounds(server, known_hosts, monkeypatch):
    monkeypatch.setattr("sockfleet.collector.warm_fleet.KEEPALIVE_S", 0.05)

    async def scenario(fleet: Sampled) -> None:
        await settled(fleet)
        frozen = [server.pid, *server.sessions()]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            found = (await fleet.round())["web1"]
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        assert "connection that was open" not in found.error.message
        assert found.error.category == "banner_timeout", "it was connected to anew at once"

    sampled(known_hosts, [host_at(server)], scenario, interval_s=0.6, timeout_s=0.4, retries=0)


def test_a_server_that_keeps_no_connection_open_is_asked_over_a_new_one(tmp_path):
    """As some small servers do: the end of the first session is that of the connection."""
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

    async def scenario(fleet: Sampled) -> None:
        for _ in range(6):
            assert (await fleet.round())["web1"].status is Status.OK
        assert fleet.fleet.connected == 0
        assert not fleet.fleet.kept

    with server_in_thread(tmp_path, listen) as port:
        ssh = SshSettings(user="probe", password=Secret("unused"))
        host = Host(name="web1", address="127.0.0.1", port=port, ssh=ssh)
        sampled(tmp_path / "known_hosts", [host], scenario)
        assert len(logins) <= 6 + 2

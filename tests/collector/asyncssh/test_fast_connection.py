"""What asyncssh does for each host, and what it no longer does: counted, not timed.

Where another version of asyncssh goes another way than `asyncssh.fast_connection` expects, the
counts here are others.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import Iterator

import asyncssh
import pytest
from pytest_mock import MockerFixture

from sockfleet.collector.asyncssh.fast_connection import FastConnection
from sockfleet.collector.asyncssh.stream import ByteStream
from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.outcome import HostOutcome, HostReading
from sockfleet.collector.runtime.event_loop import run_on_event_loop
from sockfleet.collector.ssh.host_keys import known_hosts as known_hosts_module
from sockfleet.collector.ssh.host_keys.known_hosts_parser import read_known_hosts
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, Secret, SshSettings
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.ssh.bad_sessions import bad_session_server
from tests.support.ssh.over_ssh import ask, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd, ssh_keygen

HOSTS = 20
IN_PARTS = -1
KEXINIT, KEX_INIT, NEWKEYS, SERVICE, LOGIN, OPEN, REQUEST, EOF = 20, 30, 21, 5, 50, 90, 98, 96


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeanFleetProcess]:
    with LeanFleetProcess(tmp_path_factory.mktemp("lean"), hosts=HOSTS) as running:
        yield running


def hosts_of(fleet: LeanFleetProcess, **ssh: object) -> list[Host]:
    settings = SshSettings(
        **{"user": fleet.scenario.user, "identity_files": (str(fleet.identity),), **ssh}
    )
    lines = fleet.known_hosts.read_text().splitlines()
    addresses = [line[1 : line.index("]")] for line in lines]
    return [Host(name=each, address=each, port=fleet.port, ssh=settings) for each in addresses]


def scan(fleet: LeanFleetProcess, hosts: list[Host]) -> None:
    """Read every host; each outcome must be a reading."""
    outcomes: list[HostOutcome] = []
    settings = EngineSettings(
        transport_settings=TransportSettings(known_hosts_files=(str(fleet.known_hosts),)),
        concurrency=8,
    )
    run_on_event_loop(Engine(settings).run(hosts, outcomes.append))
    assert [outcome for outcome in outcomes if not isinstance(outcome, HostReading)] == []
    assert len(outcomes) == len(hosts)


def counted(fleet: LeanFleetProcess, hosts: list[Host]) -> dict[str, float]:
    """What one host takes."""
    before = fleet.counts()
    scan(fleet, hosts)
    return {name: (count - before[name]) / len(hosts) for name, count in fleet.counts().items()}


def test_a_host_takes_six_round_trips(fleet):
    counts = counted(fleet, hosts_of(fleet))
    assert counts["logins"] == counts["connections"] == 1
    assert counts["auth_failures"] == 0
    # TCP's, the versions with both lists of algorithms, the exchange, the login, the session, the
    # command; the version line may come before the rest of its flight.
    assert counts["connections"] + counts["flights"] <= 7


def test_a_host_takes_five_writes(fleet, mocker):
    flushed = mocker.spy(ByteStream, "_flush")
    scan(fleet, hosts_of(fleet))
    # The first two go as one where the server's version is there at once.
    assert 4 * HOSTS <= flushed.call_count <= 5 * HOSTS


@pytest.fixture
def sent(mocker: MockerFixture) -> list[tuple[int, bytes]]:
    """Every packet that is sent, by its type; IN_PARTS marks a call of `expect_parts`."""
    packets: list[tuple[int, bytes]] = []
    send, expect = asyncssh.SSHClientConnection.send_packet, ByteStream.expect_parts

    def spy(self: FastConnection, pkttype: int, *args: bytes, **how: object) -> None:
        packets.append((pkttype, b"".join(args)))
        send(self, pkttype, *args, **how)

    def spy_expected(self: ByteStream) -> None:
        packets.append((IN_PARTS, b""))
        expect(self)

    mocker.patch.object(asyncssh.SSHClientConnection, "send_packet", spy)
    mocker.patch.object(ByteStream, "expect_parts", spy_expected)
    return packets


def test_nothing_is_sent_that_says_nothing(fleet, sent):
    scan(fleet, hosts_of(fleet)[:1])
    # Twice LOGIN: without a key, which is to be refused, and with one that has signed.
    types = [pkttype for pkttype, _ in sent if pkttype != IN_PARTS]
    assert types == [KEXINIT, KEX_INIT, NEWKEYS, SERVICE, LOGIN, LOGIN, OPEN, REQUEST, EOF]


def test_the_answers_to_a_login_and_to_a_session_are_expected_in_parts(fleet, sent):
    scan(fleet, hosts_of(fleet)[:1])
    types = [pkttype for pkttype, _ in sent]
    assert [types[at + 1] for at, one in enumerate(types) if one == IN_PARTS] == [
        LOGIN,
        LOGIN,
        OPEN,
    ]


def test_what_is_offered_is_put_together_once_and_has_a_cookie_of_its_own(fleet, sent, mocker):
    put_together = mocker.spy(asyncssh.connection.SSHConnection, "_send_kexinit")
    scan(fleet, hosts_of(fleet))
    offers = [payload for pkttype, payload in sent if pkttype == KEXINIT]
    assert put_together.call_count == 1
    assert len({offer[:16] for offer in offers}) == HOSTS
    assert len({offer[16:] for offer in offers}) == 1


def test_the_key_exchange_takes_no_task(fleet, mocker):
    tasks = mocker.spy(asyncssh.connection.SSHConnection, "create_task")
    scan(fleet, hosts_of(fleet)[:1])
    assert [call.args[1].__name__ for call in tasks.call_args_list] == ["_start", "_start_reading"]


def test_several_keys_are_asked_about_one_by_one(fleet, tmp_path):
    others = [str(ssh_keygen(tmp_path / name)) for name in ("one", "two")]
    hosts = hosts_of(fleet, identity_files=(*others, str(fleet.identity)))
    assert counted(fleet, hosts)["logins"] == 1


@pytest.mark.parametrize("key_type", ["rsa", "ecdsa", "ed25519"])
def test_each_type_of_key_logs_in_at_a_real_server_with_a_single_try(key_type, tmp_path):
    key = ssh_keygen(tmp_path / "key", key_type=key_type)
    known = tmp_path / "known_hosts"
    with Sshd(tmp_path / "sshd", config=["LogLevel DEBUG1"]) as server:
        server.authorized_keys.write_text(key.with_suffix(".pub").read_text())
        known.write_text(server.known_hosts_lines())
        ssh = ssh_settings(server, identity_files=(str(key),))
        host = Host(name="web1", address="127.0.0.1", port=server.port, ssh=ssh)
        assert ask("asyncssh", settings_for(known), host, "echo out").stdout == b"out\n"
        log = server.log.read_text()
    assert log.count("userauth-request for user") == 2  # one of them the question without a key
    assert "Postponed publickey" not in log  # what sshd logs for a query about a key


def test_a_key_that_is_refused_gives_way_to_a_password(tmp_path):
    key = ssh_keygen(tmp_path / "key")
    with bad_session_server(tmp_path, "password") as port:
        ssh = SshSettings(
            user="anyone", identity_files=(str(key),), password=Secret("correct horse")
        )
        host = Host(name="pw", address="127.0.0.1", port=port, ssh=ssh)
        outcome = ask(
            "asyncssh", settings_for(tmp_path / "known_hosts"), host, "a_close_without_end_of_file"
        )
    assert outcome.stdout == b"whole"


def test_what_is_costly_is_made_once(fleet, mocker):
    read = mocker.patch.object(known_hosts_module, "read_known_hosts", wraps=read_known_hosts)
    unlocked = mocker.spy(asyncssh, "import_private_key")
    looked_up = mocker.spy(socket, "getaddrinfo")
    options = mocker.spy(asyncssh.SSHClientConnectionOptions, "prepare")
    scan(fleet, hosts_of(fleet)[:1])
    for_one_host = options.call_count
    assert for_one_host > 0
    assert (read.call_count, unlocked.call_count) == (1, 1)
    scan(fleet, hosts_of(fleet))
    # Those that find out which algorithms asyncssh has are made once a process.
    assert 0 < options.call_count - for_one_host <= for_one_host
    assert (read.call_count, unlocked.call_count) == (2, 2)
    assert looked_up.call_count == 0


def test_nothing_is_done_in_the_loops_own_threads(fleet, mocker):
    used = mocker.spy(asyncio.base_events.BaseEventLoop, "run_in_executor")
    outcomes: list[HostOutcome] = []
    settings = EngineSettings(
        transport_settings=TransportSettings(known_hosts_files=(str(fleet.known_hosts),))
    )
    asyncio.run(Engine(settings).run(hosts_of(fleet), outcomes.append))
    assert {type(outcome) for outcome in outcomes} == {HostReading}
    assert used.call_count == 0


def connections_in_memory() -> int:
    return sum(isinstance(each, FastConnection) for each in gc.get_objects())


def test_a_connection_leaves_nothing_for_the_garbage_collector(fleet):
    gc.collect()
    gc.disable()
    try:
        before = connections_in_memory()  # of other tests
        scan(fleet, hosts_of(fleet))
        assert connections_in_memory() == before
    finally:
        gc.enable()


def test_a_log_that_is_read_is_written(fleet, caplog):
    with caplog.at_level(logging.DEBUG, "asyncssh"):
        scan(fleet, hosts_of(fleet)[:1])
    logged = {record.message.partition("] ")[2] for record in caplog.records}
    assert f"Auth for user {fleet.scenario.user} succeeded" in logged

"""The ways to a host through both transports: jump hosts, proxy commands, addresses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.transport import Attempt, CommandOutput, Transport, TransportSettings
from sockfleet.inventory.models import Hop, Host, SshSettings
from tests.support.ssh.over_ssh import (
    ask,
    ask_all,
    ended,
    logins,
    settings_for,
    ssh_settings,
    without_leaks,
)
from tests.support.ssh.sshd import Sshd, free_port, ssh_keygen

INNER, CLOSED = "127.0.25.1", "127.0.25.2"
FIRST, SECOND, FORBIDDEN = (f"127.0.25.{n}" for n in range(11, 14))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sshd]]:
    """A host behind, two bastions with a log each, and a bastion that forwards nothing."""
    with ExitStack() as started:
        yield {
            address: started.enter_context(
                Sshd(
                    tmp_path_factory.mktemp("sshd"),
                    addresses=(address,),
                    config=["AllowTcpForwarding no"] if address == FORBIDDEN else [],
                )
            )
            for address in (INNER, FIRST, SECOND, FORBIDDEN)
        }


@pytest.fixture
def settings(servers, tmp_path) -> TransportSettings:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("".join(each.known_hosts_lines() for each in servers.values()))
    return settings_for(known_hosts)


def hop(server: Sshd, **ssh) -> Hop:
    return Hop(address=server.addresses[0], port=server.port, ssh=ssh_settings(server, **ssh))


def inner(servers: dict[str, Sshd], *jumps: Hop, **further) -> Host:
    server = servers[INNER]
    ssh = ssh_settings(server, jumps=jumps, **further.pop("ssh", {}))
    return Host(**{"name": "db1", "address": INNER, "port": server.port, "ssh": ssh, **further})


# Jump hosts.


def test_one_jump_host(transport, settings, servers):
    outcome = ask(transport, settings, inner(servers, hop(servers[FIRST])), "echo $SSH_CONNECTION")
    assert outcome.stdout.split()[2].decode() == INNER
    assert outcome.attempt.address is None  # the bastion resolved it
    assert outcome.attempt.hop is None  # at the host itself


def test_many_hosts_share_one_connection_to_the_bastion(transport, settings, servers):
    before = logins(servers[FIRST]), logins(servers[INNER])
    hosts = [inner(servers, hop(servers[FIRST])) for _ in range(8)]
    outcomes = ask_all(transport, settings, hosts)
    assert {outcome.stdout for outcome in outcomes} == {b"out\n"}
    assert (logins(servers[FIRST]), logins(servers[INNER])) == (before[0] + 1, before[1] + 8)


def test_two_jump_hosts(transport, settings, servers):
    before = logins(servers[FIRST]), logins(servers[SECOND])
    way = hop(servers[FIRST]), hop(servers[SECOND])
    outcomes = ask_all(transport, settings, [inner(servers, *way) for _ in range(4)])
    assert {outcome.stdout for outcome in outcomes} == {b"out\n"}
    assert (logins(servers[FIRST]), logins(servers[SECOND])) == (before[0] + 1, before[1] + 1)


def test_a_long_output_through_a_jump_host(transport, settings, servers):
    host = inner(servers, hop(servers[FIRST]))
    outcome = ask(transport, settings, host, "head -c 200000 /dev/zero")
    assert len(outcome.stdout) == 200000
    flood = ask(transport, settings, host, "cat /dev/zero")
    assert flood.fault == (Category.OUTPUT_LIMIT, Phase.COMMAND)


def test_a_port_that_is_closed_behind_the_bastion(transport, settings, servers):
    host = inner(servers, hop(servers[FIRST]), address=CLOSED, port=free_port(CLOSED))
    outcome = ask(transport, settings, host)
    assert outcome.fault == (Category.VIA_JUMP, Phase.CONNECT)
    message = outcome.error.message
    assert message.startswith(f"jump host {FIRST}:{servers[FIRST].port}: ")
    assert f"{CLOSED}:{host.port}" in message
    assert "Connection refused" in message


def test_a_name_that_the_bastion_does_not_know(transport, settings, servers):
    host = inner(servers, hop(servers[FIRST]), address="no-such-host.invalid")
    outcome = ask(transport, settings, host)
    assert outcome.fault == (Category.VIA_JUMP, Phase.CONNECT)
    assert "no-such-host.invalid" in outcome.error.message


def test_failures_behind_one_bastion_are_not_mixed_up(transport, settings, servers):
    ports = [free_port(CLOSED) for _ in range(6)]
    hosts = [inner(servers, hop(servers[FIRST]), address=CLOSED, port=port) for port in ports]
    hosts[3] = inner(servers, hop(servers[FIRST]))
    outcomes = ask_all(transport, settings, hosts)
    assert outcomes[3].stdout == b"out\n"
    for outcome in (*outcomes[:3], *outcomes[4:]):
        assert f"{CLOSED}:{outcome.attempt.host.port}" in outcome.error.message
        assert "Connection refused" in outcome.error.message


def test_a_bastion_that_forwards_nothing(transport, settings, servers):
    outcome = ask(transport, settings, inner(servers, hop(servers[FORBIDDEN])))
    assert outcome.fault == (Category.VIA_JUMP, Phase.CONNECT)
    assert outcome.error.message == (
        f"jump host {FORBIDDEN}:{servers[FORBIDDEN].port}: no connection from there to "
        f"{INNER}:{servers[INNER].port}: open failed"
    )


def test_a_bastion_that_is_not_there(transport, settings, servers):
    nobody = Hop(address=CLOSED, port=free_port(CLOSED), ssh=ssh_settings(servers[FIRST]))
    hosts = [inner(servers, nobody) for _ in range(3)]
    for outcome in ask_all(transport, settings, hosts):
        assert outcome.fault == (Category.VIA_JUMP, Phase.CONNECT)
        assert outcome.error.message.startswith(f"jump host {CLOSED}:{nobody.port}: ")
        assert "refused" in outcome.error.message


def test_a_bastion_that_refuses_the_login(transport, settings, servers, tmp_path):
    other = str(ssh_keygen(tmp_path / "other"))
    denied = hop(servers[FIRST], identity_files=(other,))
    outcomes = ask_all(transport, settings, [inner(servers, denied) for _ in range(3)])
    for outcome in outcomes:
        assert outcome.fault == (Category.VIA_JUMP, Phase.AUTH)
        assert "refused the login" in outcome.error.message


def test_a_bastion_with_an_unknown_key(transport, servers, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(servers[INNER].known_hosts_lines())
    outcome = ask(transport, settings_for(known_hosts), inner(servers, hop(servers[FIRST])))
    assert outcome.fault == (Category.VIA_JUMP, Phase.KEX)
    assert outcome.error.message.startswith(f"jump host {FIRST}:{servers[FIRST].port}: ")


def test_a_host_with_an_unknown_key_behind_a_bastion(transport, servers, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(servers[FIRST].known_hosts_lines())
    outcome = ask(transport, settings_for(known_hosts), inner(servers, hop(servers[FIRST])))
    assert outcome.fault == (Category.HOSTKEY_UNKNOWN, Phase.KEX)
    assert "ssh-keyscan" not in outcome.error.message  # it would not get there


def test_a_second_hop_that_fails_names_itself(transport, settings, servers):
    nobody = Hop(address=CLOSED, port=free_port(CLOSED), ssh=ssh_settings(servers[SECOND]))
    outcome = ask(transport, settings, inner(servers, hop(servers[FIRST]), nobody))
    assert outcome.fault == (Category.VIA_JUMP, Phase.CONNECT)
    assert f"{CLOSED}:{nobody.port}" in outcome.error.message


def test_the_scans_default_way(transport, settings, servers):
    before = logins(servers[FIRST])
    everywhere = TransportSettings(
        known_hosts_files=settings.known_hosts_files,
        defaults=SshSettings(jumps=(hop(servers[FIRST]),)),
    )
    assert ask(transport, everywhere, inner(servers)).stdout == b"out\n"
    assert logins(servers[FIRST]) == before + 1


def test_a_bastion_that_dies_is_opened_again(transport, settings, tmp_path, servers):
    with Sshd(tmp_path / "bastion", addresses=("127.0.25.21",)) as bastion:
        known_hosts = Path(settings.known_hosts_files[0])
        known_hosts.write_text(known_hosts.read_text() + bastion.known_hosts_lines())
        host = inner(servers, hop(bastion))
        # Its process for this connection and, where root does not log in, that one's child.
        kill = f"pid=$(pgrep -P {bastion.pid}); kill -KILL $(pgrep -P $pid) $pid"

        async def twice(loaded: Transport) -> tuple[HostError, CommandOutput]:
            with pytest.raises(HostError) as caught:
                await loaded.execute(Attempt(host=host), kill)
            return caught.value, await loaded.execute(Attempt(host=host), "echo out")

        lost, again = without_leaks(transport, settings, twice)
        assert lost.category is Category.VIA_JUMP
        assert f"jump host 127.0.25.21:{bastion.port} went away" in lost.message
        assert again.stdout == b"out\n"


# Proxy commands.


def proxied(servers: dict[str, Sshd], command: str, **further) -> Host:
    return inner(servers, ssh={"proxy_command": command, **further})


def through(server: Sshd, address: str = INNER) -> str:
    """A proxy command that joins its input and output to the server's port."""
    script = (
        "import socket,sys,threading,os;"
        f"s=socket.create_connection(('{address}',{server.port}));"
        "f=lambda:[os.write(1,d) for d in iter(lambda:s.recv(65536),b'')];"
        "t=threading.Thread(target=f,daemon=True);t.start();"
        "[s.sendall(d) for d in iter(lambda:os.read(0,65536),b'')]"
    )
    return f'python3 -c "{script}"'


def children() -> set[int]:
    """Processes that this one has started."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(word) for word in text.split()}


def test_a_proxy_command(transport, settings, servers):
    before = children()
    outcome = ask(transport, settings, proxied(servers, through(servers[INNER])))
    assert outcome.stdout == b"out\n"
    assert outcome.attempt.address is None
    assert children() == before


def test_a_proxy_command_and_all_it_started_end_with_the_attempt(
    transport, settings, servers, tmp_path
):
    pids = tmp_path / "pids"
    command = f"sleep 1000 & echo $! >{pids}; {through(servers[INNER])}"
    assert ask(transport, settings, proxied(servers, command)).stdout == b"out\n"
    pid = int(pids.read_text())
    assert ended(pid)


def test_a_proxy_command_that_fails(transport, settings, servers):
    command = "echo first >&2; echo 'no way' >&2; exit 3"
    outcome = ask(transport, settings, proxied(servers, command))
    assert outcome.fault == (Category.VIA_JUMP, Phase.CONNECT)
    assert "status 3" in outcome.error.message
    assert "no way" in outcome.error.message


def test_a_proxy_command_that_says_nothing(transport, settings, servers):
    before = children()
    host = proxied(servers, "sleep 1000", connect_timeout_s=0.4)
    outcome = ask(transport, settings, host)
    assert outcome.fault == (Category.BANNER_TIMEOUT, Phase.BANNER)
    assert children() == before

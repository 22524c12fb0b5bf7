"""Both SSH transports against a real sshd: the same answers, the same verdicts, nothing left."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.probe.answer import ProbeAnswer
from sockfleet.collector.transport import OUTPUT_LIMIT, CommandOutput
from sockfleet.inventory.models import Host
from tests.support.ssh.over_ssh import ask, ask_all, read, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd, free_port, ssh_keygen

# One server; each case has an address of its own, and sshd's Match tells them apart.
PLAIN, FORCED, NO_SESSIONS, SFTP_ONLY = (f"127.0.20.{n}" for n in range(1, 5))
MATCHES = f"""
Match LocalAddress {FORCED}
    ForceCommand echo something else: TCP: inuse 999999 alloc 999999
Match LocalAddress {NO_SESSIONS}
    MaxSessions 0
Match LocalAddress {SFTP_ONLY}
    ForceCommand internal-sftp
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    sshd = Sshd(tmp_path_factory.mktemp("sshd"), addresses=(PLAIN, FORCED, NO_SESSIONS, SFTP_ONLY))
    sshd.config.write_text(sshd.config.read_text() + MATCHES)
    with sshd:
        yield sshd


def host(server: Sshd, address: str = PLAIN, **ssh) -> Host:
    return Host(name="web1", address=address, port=server.port, ssh=ssh_settings(server, **ssh))


# The way that goes well.


def test_both_streams_and_the_status_come_back(transport, settings, server):
    outcome = ask(transport, settings, host(server), "echo out; echo err >&2; exit 7")
    assert outcome.output == CommandOutput(stdout=b"out\n", stderr=b"err\n", exit_status=7)
    assert outcome.attempt.phase is Phase.COMMAND
    assert outcome.attempt.address == PLAIN


def test_the_probe_reads_this_machine(transport, settings, server):
    answer = read(transport, settings, host(server))
    assert isinstance(answer, ProbeAnswer)
    assert answer.sockstat.get("TCP", "alloc") is not None
    assert answer.kernel.release == os.uname().release


def test_bytes_are_left_as_they_are(transport, settings, server):
    outcome = ask(transport, settings, host(server), r"printf '\377\000\r\n\033[31m'")
    assert outcome.stdout == b"\xff\x00\r\n\x1b[31m"


def test_the_command_gets_no_input(transport, settings, server):
    assert ask(transport, settings, host(server), "cat").stdout == b""


def test_many_hosts_at_once(transport, settings, server):
    hosts = [host(server) for _ in range(12)]
    outcomes = ask_all(transport, settings, hosts, "echo $SSH_CONNECTION")
    answers = {outcome.stdout for outcome in outcomes}
    assert len(answers) == 12  # each its own connection


# How a command ends.


def test_output_up_to_the_limit_is_whole(transport, settings, server):
    half = OUTPUT_LIMIT // 2
    command = f"head -c {half} /dev/zero; head -c {half} /dev/zero >&2"
    output = ask(transport, settings, host(server), command).output
    assert (len(output.stdout), len(output.stderr)) == (half, half)


@pytest.mark.parametrize("command", ["cat /dev/zero", "cat /dev/zero >&2", "yes | tee /dev/stderr"])
def test_a_flood_is_cut_off(transport, settings, server, command):
    outcome = ask(transport, settings, host(server), command)
    assert outcome.fault == (Category.OUTPUT_LIMIT, Phase.COMMAND)
    assert "256 KiB" in outcome.error.message


def test_a_command_that_is_killed_failed(transport, settings, server):
    outcome = ask(transport, settings, host(server), "echo begun; kill -KILL $$")
    assert outcome.fault == (Category.COMMAND_FAILED, Phase.COMMAND)
    assert outcome.error.message == (f"{PLAIN}:{server.port}: the command was ended by signal KILL")


@pytest.mark.parametrize(
    ("before", "category"), [("", Category.LOST), ("echo begun; ", Category.TRUNCATED)]
)
def test_a_server_that_dies_under_the_command(transport, settings, server, before, category):
    # sshd's process of this connection is the parent of the shell, as root its parent too.
    command = f"{before}sleep 0.1; kill -KILL $PPID"
    outcome = ask(transport, settings, host(server), command)
    assert outcome.fault == (category, Phase.COMMAND)


def test_a_forced_command_is_no_shell(transport, settings, server):
    error = read(transport, settings, host(server, FORCED))
    assert isinstance(error, HostError)
    assert error.category is Category.NO_SHELL
    assert "something else" in error.message


def test_an_account_for_sftp_only_is_no_shell(transport, settings, server):
    error = read(transport, settings, host(server, SFTP_ONLY))
    assert isinstance(error, HostError)
    assert error.category in (Category.NO_SHELL, Category.LOST)


def test_no_session(transport, settings, server):
    outcome = ask(transport, settings, host(server, NO_SESSIONS))
    assert outcome.fault == (Category.SESSION_REFUSED, Phase.SESSION)
    assert outcome.error.message == (
        f"{NO_SESSIONS}:{server.port} refused to run a command: open failed"
    )


# Logins that are refused.


def test_a_key_that_the_server_does_not_know(transport, settings, server, tmp_path):
    other = ssh_keygen(tmp_path / "other")
    outcome = ask(transport, settings, host(server, identity_files=(str(other),)))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert outcome.error.message == (
        f"{PLAIN}:{server.port} refused the login of {server.user}; offered: {other}"
    )


def test_a_user_that_the_server_does_not_have(transport, settings, server):
    outcome = ask(transport, settings, host(server, user="nobody-of-that-name"))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "nobody-of-that-name" in outcome.error.message


def test_more_keys_than_the_server_lets_one_try(transport, settings, server, tmp_path, monkeypatch):
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    keys = tuple(str(ssh_keygen(tmp_path / f"key{n}")) for n in range(8))
    outcome = ask(transport, settings, host(server, identity_files=keys))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "Too many authentication failures" in outcome.error.message
    # More keys, as those of an agent, would not help.
    assert "alone with -i (or IdentityFile), and set IdentitiesOnly" in outcome.error.message
    assert "--agent" not in outcome.error.message


def test_an_agent_that_was_not_asked_is_hinted_at(
    transport, settings, server, tmp_path, monkeypatch
):
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    other = ssh_keygen(tmp_path / "other")
    outcome = ask(transport, settings, host(server, identity_files=(str(other),)))
    assert "--agent" in outcome.error.message


# No connection at all.


def test_a_closed_port(transport, settings, server):
    port = free_port(PLAIN)
    closed = Host(name="web1", address=PLAIN, port=port, ssh=ssh_settings(server))
    outcome = ask(transport, settings, closed)
    assert outcome.fault == (Category.REFUSED, Phase.CONNECT)
    assert f"{PLAIN}:{port}" in outcome.error.message


def test_an_unknown_name(transport, settings, server):
    unknown = Host(name="web1", address="no-such-host.invalid", ssh=ssh_settings(server))
    outcome = ask(transport, settings, unknown)
    assert outcome.fault == (Category.DNS, Phase.DNS)


def test_nothing_to_log_in_with(transport, settings, server):
    outcome = ask(transport, settings, host(server, identity_files=()))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert f"nothing to log in with as {server.user}" in outcome.error.message


# Algorithms.


@pytest.mark.parametrize(
    ("kind", "names", "none_left"),
    [
        ("kex_algorithms", ("ecdh-sha2-nistp521",), ("kex-of-tomorrow",)),
        ("ciphers", ("aes256-ctr",), ("twofish-ctr",)),
        ("macs", ("hmac-sha2-512",), ("umac-1",)),
        ("host_key_algorithms", ("ssh-ed25519",), ("ssh-fancy",)),
    ],
)
def test_the_users_own_algorithms(transport, settings, server, kind, names, none_left):
    assert ask(transport, settings, host(server, **{kind: names})).stdout == b"out\n"
    outcome = ask(transport, settings, host(server, **{kind: none_left}))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert none_left[0] in outcome.error.message


def test_no_algorithm_in_common(transport, tmp_path):
    config = ["KexAlgorithms diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha1"]
    with Sshd(tmp_path / "sshd", config=config) as server:
        (tmp_path / "known_hosts").write_text(server.known_hosts_lines())
        outcome = ask(
            transport,
            settings_for(tmp_path / "known_hosts"),
            Host(name="old", address="127.0.0.1", port=server.port, ssh=ssh_settings(server)),
        )
    assert outcome.fault == (Category.NO_COMMON_ALG, Phase.KEX)
    assert f"127.0.0.1:{server.port}" in outcome.error.message


@pytest.mark.parametrize("kex", ["curve25519-sha256", "curve25519-sha256@libssh.org"])
def test_either_name_of_curve25519(transport, tmp_path, kex):
    with Sshd(tmp_path / "sshd", config=[f"KexAlgorithms {kex}"]) as server:
        (tmp_path / "known_hosts").write_text(server.known_hosts_lines())
        outcome = ask(
            transport,
            settings_for(tmp_path / "known_hosts"),
            Host(name="new", address="127.0.0.1", port=server.port, ssh=ssh_settings(server)),
        )
    assert outcome.stdout == b"out\n"

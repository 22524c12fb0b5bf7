"""What both SSH transports offer to a server and refuse to it, as docs/security.md says."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from sockfleet.collector.ssh.algorithms import CIPHERS, KEX, MACS
from sockfleet.inventory.models import Host, SshSettings
from tests.support.ssh.over_ssh import ask, settings_for, ssh_settings
from tests.support.ssh.server_in_thread import server_in_thread
from tests.support.ssh.sshd import Sshd, ssh_keygen

# Extensions that are negotiated as key exchanges: extension info, and strict key exchange, which
# prevents Terrapin (CVE-2023-48795).
MARKERS = {"ext-info-c", "kex-strict-c-v00@openssh.com"}
WEAK = (
    "sha1",
    "md5",
    "cbc",
    "arcfour",
    "3des",
    "blowfish",
    "cast128",
    "umac-64",
    "group1-",
    "none",
)


@contextmanager
def listener(received: list[bytes]) -> Iterator[int]:
    """Accept one connection, keep the first packet after the version, and close it."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            received.append(stream.readline())
            length, padding = struct.unpack(">IB", stream.read(5))
            received.append(stream.read(length - 1)[: length - padding - 1])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(60)
        assert not thread.is_alive()


def name_lists(kexinit: bytes) -> list[list[str]]:
    """The ten lists of RFC 4253, 7.1, after the message's number and the cookie."""
    assert kexinit[0] == 20
    lists, rest = [], kexinit[17:]
    for _ in range(10):
        (length,) = struct.unpack(">I", rest[:4])
        lists.append(rest[4 : 4 + length].decode().split(",") if length else [])
        rest = rest[4 + length :]
    return lists


def test_only_sound_algorithms_are_offered_and_nothing_is_compressed(transport, tmp_path):
    received: list[bytes] = []
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("")
    with listener(received) as port:
        ssh = SshSettings(user="x", identity_files=(str(ssh_keygen(tmp_path / "client")),))
        host = Host(name="web1", address="127.0.0.1", port=port, ssh=ssh)
        assert ask(transport, settings_for(known_hosts), host).error is not None
    version, kexinit = received
    assert version.startswith(b"SSH-2.0-")
    assert b"sockfleet" not in version.lower()
    kex, keys, *both_ways, languages, more_languages = name_lists(kexinit)
    ciphers, ciphers_back, macs, macs_back, compression, compression_back = both_ways
    assert "kex-strict-c-v00@openssh.com" in kex
    assert set(kex) - MARKERS <= set(KEX)
    assert {"curve25519-sha256", "ecdh-sha2-nistp256"} <= set(kex)
    assert ciphers == ciphers_back
    assert set(ciphers) <= set(CIPHERS)
    assert macs == macs_back
    assert set(macs) <= set(MACS)
    assert compression == compression_back == ["none"]
    assert languages == more_languages == []
    assert "ssh-ed25519" in keys
    assert not {"ssh-rsa", "ssh-dss", "ssh-rsa-cert-v01@openssh.com"} & set(keys)
    for name in (*kex, *keys, *ciphers, *macs):
        assert not any(weak in name for weak in WEAK), name


class _Intruder(asyncssh.SSHServer):
    """Accept every login."""

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return True


@contextmanager
def intruder(folder: Path, seen: dict[str, object]) -> Iterator[int]:
    """Run a server that opens channels to its client, and record each result in ``seen``."""

    async def intrude(process: asyncssh.SSHServerProcess[bytes]) -> None:
        conn = process.get_extra_info("connection")
        seen["terminal"], seen["environment"] = process.get_terminal_type(), dict(process.env)
        seen["agent"] = conn.get_agent_path()
        channels = {
            "forwarded-tcpip": lambda: conn.create_connection(asyncssh.SSHTCPSession, "a", 22),
            "forwarded-streamlocal": lambda: conn.create_unix_connection(
                asyncssh.SSHUNIXSession, "/a"
            ),
            "x11": lambda: conn.create_x11_connection(asyncssh.SSHTCPSession),
            "auth-agent": lambda: conn.create_agent_channel().open(asyncssh.SSHUNIXSession),
        }
        for name, open_channel in channels.items():
            try:
                await open_channel()
            except asyncssh.ChannelOpenError as error:
                seen[name] = error.code
            else:
                seen[name] = "accepted"
        process.stdout.write(b"done")
        process.exit(0)

    async def listen(key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=_Intruder,
            process_factory=intrude,
            encoding=None,
            gss_host=None,
        )

    with server_in_thread(folder, listen) as port:
        yield port


def test_channels_that_the_server_opens_are_refused_and_nothing_is_forwarded(transport, tmp_path):
    seen: dict[str, object] = {}
    with intruder(tmp_path, seen) as port:
        ssh = SshSettings(user="x", identity_files=(str(ssh_keygen(tmp_path / "client")),))
        host = Host(name="web1", address="127.0.0.1", port=port, ssh=ssh)
        outcome = ask(transport, settings_for(tmp_path / "known_hosts"), host)
    assert outcome.stdout == b"done"
    assert (seen.pop("terminal"), seen.pop("environment"), seen.pop("agent")) == (None, {}, None)
    assert len(seen) == 4
    assert "accepted" not in seen.values()


def test_an_agent_is_not_contacted_unless_it_is_configured(
    transport, sshd: Sshd, tmp_path, monkeypatch
):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(sshd.known_hosts_lines())
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        agent.setblocking(False)
        host = Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh_settings(sshd))
        assert ask(transport, settings_for(known_hosts), host).stdout == b"out\n"
        with pytest.raises(BlockingIOError):  # a connection would still be queued
            agent.accept()

"""What is paramiko's own: its threads, its keys, and what it cannot do.

What both transports have in common stands in test_transport*.py.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import socket
import struct
import threading
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest
import uvloop

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.paramiko.keys import import_key
from sockfleet.collector.paramiko.session import SUPPORTED, Session
from sockfleet.collector.paramiko.stream import ByteStream
from sockfleet.collector.paramiko.transport import ParamikoTransport
from sockfleet.collector.ssh.credentials.store import PrivateKeyFile
from sockfleet.collector.ssh.negotiation import choose_offer
from sockfleet.collector.transport import Attempt, Transport, TransportSettings
from sockfleet.inventory.models import Host, SshSettings
from tests.support.ssh.agent import ssh_agent
from tests.support.ssh.over_ssh import (
    ask,
    ask_all,
    open_descriptors,
    settings_for,
    ssh_settings,
    without_leaks,
)
from tests.support.ssh.sshd import Sshd, ssh_keygen


def host_of(sshd: Sshd, **ssh: object) -> Host:
    return Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh_settings(sshd, **ssh))


def test_uvloop_gives_the_same(sshd, settings):
    async def main() -> bytes:
        transport = ParamikoTransport(settings)
        try:
            return (await transport.execute(Attempt(host=host_of(sshd)), "echo out")).stdout
        finally:
            await transport.aclose()

    def sockets() -> set[str]:  # libuv keeps a /dev/null of its own
        return {name for name in open_descriptors().values() if name.startswith("socket:")}

    before = sockets()
    assert uvloop.run(main()) == b"out\n"
    assert sockets() == before


def test_more_hosts_than_threads(sshd, settings):
    few = TransportSettings(known_hosts_files=settings.known_hosts_files, concurrency=2)
    outcomes = ask_all("paramiko", few, [host_of(sshd) for _ in range(8)])
    assert {outcome.stdout for outcome in outcomes} == {b"out\n"}


def test_a_refused_host_leaves_no_thread_that_would_delay_the_exit(sshd, tmp_path):
    outcome = ask("paramiko", settings_for(tmp_path / "none"), host_of(sshd))
    assert outcome.error.category is Category.HOSTKEY_UNKNOWN
    assert all(t.daemon for t in threading.enumerate() if t is not threading.main_thread())


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
    ],
)
def test_a_machine_without_room_for_a_connection(sshd, settings, mocker, raised, words):
    mocker.patch("paramiko.Transport.start_client", side_effect=raised)
    outcome = ask("paramiko", settings, host_of(sshd))
    assert outcome.fault == (Category.LOCAL_RESOURCE, Phase.BANNER)
    assert words in outcome.error.message


def test_whatever_goes_wrong_is_told_with_its_type(sshd, settings, mocker):
    mocker.patch(
        "sockfleet.collector.paramiko.connector.load_credentials",
        side_effect=ZeroDivisionError("x"),
    )
    outcome = ask("paramiko", settings, host_of(sshd))
    assert outcome.fault == (Category.PROTOCOL, Phase.CONFIG)
    assert "ZeroDivisionError" in outcome.error.message


def test_a_stranger_gets_no_signature(sshd, tmp_path, mocker):
    signed = mocker.patch("paramiko.Ed25519Key.sign_ssh_data")
    outcome = ask("paramiko", settings_for(tmp_path / "none"), host_of(sshd))
    assert outcome.error.category is Category.HOSTKEY_UNKNOWN
    assert signed.call_count == 0


# Keys.


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "ssh-dss"])
def test_a_key_that_paramiko_cannot_use_says_what_can(kind):
    file = PrivateKeyFile(
        path="/k", pem=b"", passphrase=None, certificate=None, kind=kind, public=b""
    )
    with pytest.raises(HostError) as caught:
        import_key(file)
    assert caught.value.category is Category.CONFIG
    assert "--transport asyncssh" in caught.value.message


@pytest.mark.parametrize("pem", [b"", b"garbage", b"\xff"])
def test_a_key_file_that_is_none(pem):
    file = PrivateKeyFile(
        path="/k", pem=pem, passphrase=None, certificate=None, kind="ssh-ed25519", public=b""
    )
    with pytest.raises(HostError) as caught:
        import_key(file)
    assert "/k cannot be used" in caught.value.message


@contextmanager
def agent_that(answer: bytes, folder: Path):
    """An agent that lists one key, and gives ``answer`` to every other request."""
    path = folder / "agent"
    blob = Path(ssh_keygen(folder / "listed").with_suffix(".pub")).read_text().split()[1]
    raw = base64.b64decode(blob)
    body = b"\x0c" + struct.pack(">II", 1, len(raw)) + raw + struct.pack(">I", 1) + b"c"
    listing = struct.pack(">I", len(body)) + body
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def one(peer: socket.socket) -> None:
        with peer:
            while header := peer.recv(5):
                if header[4] == 11:
                    peer.sendall(listing)
                elif answer:
                    peer.recv(65536)
                    peer.sendall(answer)
                else:
                    break

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            one(peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(60)


@pytest.mark.parametrize(
    "answer", [struct.pack(">IB", 1, 5), b""], ids=["refuses to sign", "hangs up"]
)
def test_an_agent_that_does_not_sign_does_not_end_the_login(sshd, settings, tmp_path, answer):
    with agent_that(answer, tmp_path) as agent:
        outcome = ask("paramiko", settings, host_of(sshd, agent=agent))
        assert outcome.stdout == b"out\n"
        outcome = ask("paramiko", settings, host_of(sshd, agent=agent, identity_files=()))
        assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
        assert "agent" in outcome.error.message


@pytest.mark.parametrize("step", ["agent_listing._request_listing", "paramiko.keys._connect"])
def test_a_lack_of_descriptors_is_not_the_agents_fault(sshd, settings, mocker, step):
    lack = OSError(errno.EMFILE, "Too many open files")
    mocker.patch(f"sockfleet.collector.{step}", side_effect=lack)
    with ssh_agent(sshd.client_key) as agent:
        outcome = ask("paramiko", settings, host_of(sshd, identity_files=(), agent=agent))
    assert outcome.fault == (Category.LOCAL_RESOURCE, Phase.AUTH)


# Cut off.


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 30, 100, 300, 1000])
def test_cut_off_after_any_number_of_turns_nothing_is_left(sshd, settings, turns):
    async def work(transport: Transport) -> None:
        asking = asyncio.create_task(
            transport.execute(Attempt(host=host_of(sshd)), "exec sleep 100")
        )
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    without_leaks("paramiko", settings, work)


def test_a_channel_of_a_connection_that_has_ended_says_so():
    """The connection may end between the login and the channel: none gets a number then."""
    ours, theirs = socket.socketpair()
    with theirs:
        session = Session(ByteStream(ours), choose_offer(SshSettings(), SUPPORTED))
        try:
            with pytest.raises(paramiko.SSHException, match="not active"):
                session.open_command_channel()
        finally:
            session.dispose()

"""The paramiko seam is complete: whatever is raised below it becomes a HostError."""

from __future__ import annotations

import errno
import inspect
import os
import socket

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko import ssh_exception

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.paramiko.errors import translate_error
from sockfleet.collector.paramiko.session import RefusedChannelError
from sockfleet.collector.paramiko.stream import ByteStream
from sockfleet.collector.ssh.connection import ErrorContext

WHERE = "10.0.0.9:22"
ARGUMENTS = {
    "BadAuthenticationType": ("no", ["publickey"]),
    "PartialAuthentication": (["password"],),
    "ChannelException": (1, "prohibited"),
    "BadHostKeyException": ("host", paramiko.RSAKey.generate(1024), paramiko.RSAKey.generate(1024)),
    "ProxyCommandFailure": ("nc", "1"),
    "NoValidConnectionsError": ({("10.0.0.9", 22): OSError(errno.ECONNREFUSED, "refused")},),
}
FOREIGN = [
    found(*ARGUMENTS.get(name, ("text of it",)))
    for name, found in inspect.getmembers(ssh_exception, inspect.isclass)
    if issubclass(found, Exception) and found.__module__ == ssh_exception.__name__
]
OTHERS = [
    EOFError(),
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    TimeoutError("timed out"),
    OSError(errno.EHOSTUNREACH, "No route to host"),
    OSError(),
    OSError(errno.EMFILE, "Too many open files"),
    RuntimeError("can't start new thread"),
    RefusedChannelError("open failed"),
    paramiko.pkey.UnknownKeyType("ssh-odd", b"x"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    KeyError(250),
    ValueError("bad"),
    IndexError(),
    MemoryError(),
    AssertionError(),
    type("NeverSeenError", (Exception,), {})("\x1b[31m\n"),
]


@pytest.fixture
def stream():
    ours, theirs = socket.socketpair()
    with theirs:
        made = ByteStream(ours)
        yield made
        made.release()


def of(error: Exception, phase: Phase, stream: ByteStream | None) -> HostError:
    context = ErrorContext(where=WHERE, phase=phase, stream=stream, mismatch=None)
    return translate_error(error, context, None)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("error", [*FOREIGN, *OTHERS], ids=lambda error: type(error).__name__)
def test_everything_becomes_a_host_error(error, phase, stream):
    for seen in (None, stream):
        found = of(error, phase, seen)
        if type(error).__module__ != "builtins":
            assert f"{type(error).__name__}:" not in found.message, "no class of a library"
        assert type(found) is HostError
        assert found.category in Category
        assert WHERE in found.message
        assert found.message.isprintable()


@pytest.mark.parametrize(
    ("error", "phase", "category"),
    [
        (ssh_exception.IncompatiblePeer("no cipher"), Phase.KEX, Category.NO_COMMON_ALG),
        (EOFError(), Phase.KEX, Category.LOST),
        (EOFError(), Phase.AUTH, Category.LOST),
        (EOFError(), Phase.COMMAND, Category.LOST),
        (ConnectionResetError(104, "reset"), Phase.AUTH, Category.LOST),
        (OSError(errno.EMFILE, "Too many open files"), Phase.AUTH, Category.LOCAL_RESOURCE),
        (RuntimeError("can't start new thread"), Phase.BANNER, Category.LOCAL_RESOURCE),
        (paramiko.SSHException("Mismatched MAC"), Phase.COMMAND, Category.PROTOCOL),
        (KeyError(250), Phase.KEX, Category.PROTOCOL),
    ],
)
def test_each_has_its_category(error, phase, category, stream):
    stream.version_seen = True
    found = of(error, phase, stream)
    assert (found.category, found.phase) == (category, phase)


@pytest.mark.parametrize(
    ("head", "category"),
    [
        (b"", Category.DROPPED_PRE_BANNER),
        (b"Exceeded MaxStartups\r\n", Category.DROPPED_PRE_BANNER),
        (b"Not allowed at this time\r\n", Category.DROPPED_PRE_BANNER),
        (b"HTTP/1.1 400 Bad Request\r\n", Category.NOT_SSH),
        (b"\x00", Category.NOT_SSH),
    ],
)
def test_before_the_version_the_bytes_decide(head, category, stream):
    stream.head = head
    for error in (EOFError(), paramiko.SSHException("Error reading SSH protocol banner")):
        assert of(error, Phase.BANNER, stream).category is category


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_the_version_line_is_found_however_it_is_cut(pieces):
    before = b"".join(piece.replace(b"SSH-", b"").replace(b"\r", b"") for piece in pieces)
    text = before + b"\nSSH-2.0-x\r\n"
    ours, theirs = socket.socketpair()
    with theirs:
        stream = ByteStream(ours)
        stream.settimeout(5)
        for at in range(0, len(text), 7):
            assert not stream.version_seen
            theirs.sendall(text[at : at + 7])
            stream.recv(100)
        assert stream.version_seen
        stream.release()


def test_an_aborted_stream_ends_its_reader_and_keeps_its_descriptor_until_released(stream):
    stream.abort()
    assert stream.recv(10) == b""
    assert not stream.ended  # it was us
    with pytest.raises(BrokenPipeError):
        stream.send(b"x")
    stream.release()
    stream.release()


def test_a_stream_allows_no_more_than_its_budget():
    ours, theirs = socket.socketpair()
    with theirs:
        stream = ByteStream(ours)
        stream.settimeout(5)
        theirs.sendall(b"SSH-2.0-x\r\n")
        stream.recv(100)
        stream.budget.expect_command()
        chunk = os.urandom(64 * 1024)
        for _ in range(16 * 48 * 256):
            theirs.sendall(chunk)
            if not stream.recv(len(chunk)):
                break
        assert stream.budget.exceeded
        stream.release()

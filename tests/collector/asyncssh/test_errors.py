"""The seam is complete: whatever asyncssh or the system raises, in any phase, becomes HostError."""

from __future__ import annotations

import errno
import inspect
import os

import asyncssh
import pytest

from sockfleet.collector.asyncssh.errors import translate_error
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.byte_budget import ByteBudget
from sockfleet.collector.ssh.connection import ErrorContext

WHERE = "192.0.2.1:22"
PHASES = [Phase.CONNECT, Phase.BANNER, Phase.KEX, Phase.AUTH, Phase.SESSION, Phase.COMMAND]


class Login:
    """The part of a login that `translate_error` reads."""

    def __init__(self, refusal: HostError | None = None) -> None:
        self.refusal = refusal
        self.user = "root"
        self.offered = ["id_ed25519", "password"]
        self.banner = "go\x1b\n away"
        self.agent_trouble = None
        self.accepted: list[str] = []
        self.wanted: list[str] = []
        self.agent_hint = False
        self.has_rsa_key = True


class Stream:
    def __init__(self, head: bytes = b"", *, version_seen: bool = True) -> None:
        self.head = head
        self.version_seen = version_seen
        self.opening = head
        self.budget = ByteBudget()
        self.up = True


def foreign_errors() -> list[Exception]:
    """One of every exception that asyncssh exports, of OSError's numbers, and of Python's own."""
    made: list[Exception] = []
    for name, kind in vars(asyncssh).items():
        if inspect.isclass(kind) and issubclass(kind, Exception):
            wanted = [
                p
                for p in inspect.signature(kind.__init__).parameters.values()
                if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
            ][1:]
            values = {"code": 2, "reason": f"reason of {name}"}
            made.append(kind(*(values.get(p.name, "text") for p in wanted)))
    made += [OSError(number, os.strerror(number)) for number in errno.errorcode]
    made += [
        UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range"),
        AssertionError(),
        ValueError("x"),
        KeyError("x"),
        EOFError(),
        OSError("Multiple exceptions: …"),
        ConnectionResetError(),
        RuntimeError("escape \x1b[31m\n and a new line"),
    ]
    return made


def test_asyncssh_exports_the_errors_that_are_counted_on():
    assert len([e for e in foreign_errors() if isinstance(e, asyncssh.Error)]) > 12


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("stream", [None, Stream(), Stream(b"HTTP/1.1", version_seen=False)])
@pytest.mark.parametrize("login", [None, Login()])
def test_nothing_escapes(phase, stream, login):
    for error in foreign_errors():
        seen = translate(error, phase, stream, login)
        assert isinstance(seen, HostError), error
        assert WHERE in seen.message, error
        assert "\x1b" not in seen.message
        assert "\n" not in seen.message
        if type(error).__module__ != "builtins":
            assert f"{type(error).__name__}:" not in seen.message, "no class of a library"


def translate(
    error: Exception, phase: Phase, stream: Stream | None, login: Login | None
) -> HostError:
    context = ErrorContext(where=WHERE, phase=phase, stream=stream, mismatch=None)
    return translate_error(error, context, login)


def category(error: Exception, phase: Phase, stream: Stream | None = None) -> Category:
    return translate(error, phase, stream or Stream(), Login()).category


@pytest.mark.parametrize(
    ("error", "phase", "wanted"),
    [
        (asyncssh.ConnectionLost("Connection lost"), Phase.KEX, Category.LOST),
        (ConnectionResetError(104, "reset"), Phase.AUTH, Category.LOST),
        (asyncssh.ConnectionLost("Connection lost"), Phase.SESSION, Category.LOST),
        (asyncssh.DisconnectError(12, "by request"), Phase.AUTH, Category.LOST),
        (asyncssh.ServiceNotAvailable("no"), Phase.AUTH, Category.LOST),
        (asyncssh.KeyExchangeFailed("none"), Phase.KEX, Category.NO_COMMON_ALG),
        (asyncssh.KeyExchangeFailed("Key exchange hash mismatch"), Phase.KEX, Category.PROTOCOL),
        (asyncssh.ProtocolError("bad"), Phase.KEX, Category.PROTOCOL),
        (asyncssh.MACError("bad"), Phase.COMMAND, Category.PROTOCOL),
        (asyncssh.CompressionError("bad"), Phase.AUTH, Category.PROTOCOL),
        (ValueError("odd"), Phase.KEX, Category.PROTOCOL),
        (asyncssh.HostKeyNotVerifiable("Host key is revoked"), Phase.KEX, Category.HOSTKEY_REVOKED),
        (asyncssh.HostKeyNotVerifiable("Certificate expired"), Phase.KEX, Category.HOSTCERT),
        (asyncssh.PermissionDenied("no"), Phase.AUTH, Category.AUTH_DENIED),
        (asyncssh.IllegalUserName("no"), Phase.AUTH, Category.AUTH_DENIED),
        (
            asyncssh.ProtocolError("Too many authentication failures"),
            Phase.AUTH,
            Category.AUTH_DENIED,
        ),
        (asyncssh.ChannelOpenError(1, "prohibited"), Phase.SESSION, Category.SESSION_REFUSED),
        (OSError(errno.EMFILE, "…"), Phase.CONNECT, Category.LOCAL_RESOURCE),
        (ValueError("Unknown local username: set …"), Phase.BANNER, Category.LOCAL_RESOURCE),
    ],
)
def test_each_has_its_category(error, phase, wanted):
    assert category(error, phase) is wanted


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"", Category.DROPPED_PRE_BANNER),
        (b"HTTP/1.1 400 Bad Request\r\n", Category.NOT_SSH),
        (b"SSH-1.5-old\r\n", Category.NOT_SSH),
        (b"SSH-2.0-\xff\xfe\r\n", Category.NOT_SSH),  # RFC 4253, 4.2: US-ASCII
    ],
)
def test_before_the_version_the_bytes_decide(head, wanted):
    stream = Stream(head, version_seen=False)
    assert category(asyncssh.ConnectionLost("x"), Phase.BANNER, stream=stream) is wanted
    assert category(ConnectionResetError(), Phase.BANNER, stream=stream) is wanted


def test_a_refused_host_key_is_what_the_check_said():
    refusal = HostError(Category.HOSTKEY_CHANGED, Phase.KEX, "changed")
    error = asyncssh.HostKeyNotVerifiable("Host key is not trusted")
    assert translate(error, Phase.KEX, Stream(), Login(refusal)) is refusal


def test_a_session_that_a_lost_connection_did_not_open_was_not_refused():
    stream = Stream()
    stream.up = False
    error = asyncssh.ChannelOpenError(2, "SSH connection closed")
    assert category(error, Phase.SESSION, stream=stream) is Category.LOST


@pytest.mark.parametrize(
    ("phase", "wanted"),
    [(Phase.AUTH, Category.PROTOCOL), (Phase.COMMAND, Category.OUTPUT_LIMIT)],
)
def test_a_connection_that_was_cut_off_for_its_flood(phase, wanted):
    stream = Stream()
    stream.budget.spend(2**40)
    assert category(asyncssh.ConnectionLost("Connection lost"), phase, stream=stream) is wanted


def test_a_refused_login_says_who_and_with_what():
    error = translate(asyncssh.PermissionDenied("…"), Phase.AUTH, Stream(), Login())
    for part in (WHERE, "root", "id_ed25519", "password", "go away"):
        assert part in error.message

"""The channels of one connection (RFC 4254): sessions that run a command or SFTP.

A command's whole answer, from the reply to the request to the channel's end, is one write.
"""

from __future__ import annotations

import struct
from typing import Protocol

from ...collector.ssh.long_command import READER_PREFIX
from ..fleet.plain_packets import encode_string
from ..host.answer import Answer
from .host import LeanHost
from .sftp import LeanSftp
from .shell import LeanShell
from .wire import Fields, MalformedError

__all__ = ["Sessions"]

_GLOBAL_REQUEST, _REQUEST_FAILURE = 80, b"\x52"  # 82
_OPEN, _CONFIRMATION, _OPEN_FAILURE, _ADJUST = 90, 91, 92, 93
_DATA, _EXTENDED_DATA, _EOF, _CLOSE, _REQUEST, _SUCCESS, _FAILURE = 94, 95, 96, 97, 98, 99, 100
_PROHIBITED, _UNKNOWN_TYPE = 1, 3
_WINDOW = 2 * 2**20
_MOST_DATA = 32768
_MOST_CHANNELS = 1000
_MOST_COMMAND = 64 * 1024
_IGNORED = frozenset({b"env", b"pty-req", b"window-change", b"signal", b"eow@openssh.com"})
"""Requests that are accepted without effect; a terminal does not change the answers either."""

_pack_head = struct.Struct(">BI").pack
_pack_long_head = struct.Struct(">BII").pack
_pack_extended_head = struct.Struct(">BIII").pack


class Program(Protocol):
    """A program that runs in a session and answers its standard input."""

    def feed(self, data: bytes) -> bytes:
        """Return the answer to the next bytes of its standard input. Raises MalformedError."""


class _Channel:
    __slots__ = (
        "closed",
        "command",
        "final_messages",
        "most",
        "program",
        "received",
        "theirs",
        "waiting",
        "window",
    )

    def __init__(self, theirs: int, window: int, most: int) -> None:
        self.theirs = theirs
        self.window = window
        """How many bytes the client accepts before it adjusts the window."""
        self.most = most
        self.received = 0
        """How many bytes the client has sent since its window was last adjusted."""
        self.command: bytearray | None = None
        """What has come of a command that is sent on standard input."""
        self.program: Program | None = None
        self.waiting: list[tuple[bytes, bytes]] = []
        """Output that exceeds the window: the head of its messages, and the bytes."""
        self.final_messages: list[bytes] = []
        """Messages to send after all output."""
        self.closed = False


class Sessions:
    """The channels of a client after its login."""

    __slots__ = ("_channels", "_host", "_next")

    def __init__(self, host: LeanHost) -> None:
        self._host = host
        self._channels: dict[int, _Channel] = {}
        self._next = 0

    def take(self, number: int, message: bytes) -> list[bytes] | None:
        """Return the answers to a message; None where its number is not of RFC 4254.

        Raises MalformedError.
        """
        fields = Fields(message)
        if number == _OPEN:
            return [self._open(fields)]
        if number == _GLOBAL_REQUEST:
            fields.string()
            return [_REQUEST_FAILURE] if fields.boolean() else []
        if not _ADJUST <= number <= _REQUEST:
            return None
        ours = fields.uint32()
        channel = self._channels.get(ours)
        if channel is None:
            raise MalformedError(f"message {number} to channel {ours}, which is not open")
        if number == _REQUEST:
            return self._request(channel, fields)
        if number == _DATA:
            return self._receive(channel, fields.string())
        if number == _ADJUST:
            channel.window += fields.uint32()
            return _flush(channel)
        if number == _CLOSE:
            return self._close(ours, channel)
        return _end_input(channel) if number == _EOF else []  # data of an unknown type

    def _open(self, fields: Fields) -> bytes:
        kind, theirs = fields.string(), fields.uint32()
        window, most = fields.uint32(), fields.uint32()
        if kind != b"session" or len(self._channels) >= _MOST_CHANNELS:
            why = _PROHIBITED if kind == b"session" else _UNKNOWN_TYPE
            words = encode_string(b"sessions only") + encode_string(b"")
            return struct.pack(">BII", _OPEN_FAILURE, theirs, why) + words
        ours = self._next
        self._next = (ours + 1) & 0xFFFFFFFF
        self._channels[ours] = _Channel(theirs, window, max(min(most, _MOST_DATA), 1))
        return struct.pack(">BIIII", _CONFIRMATION, theirs, ours, _WINDOW, _MOST_DATA)

    def _request(self, channel: _Channel, fields: Fields) -> list[bytes]:
        kind, reply = fields.string(), fields.boolean()
        answers: list[bytes] | None = None
        if kind == b"exec":
            answers = self._run(channel, fields.string().decode("utf-8", "replace"))
        elif kind == b"subsystem" and fields.string() == b"sftp":
            answers = _start(channel, LeanSftp(self._host))
        elif kind in _IGNORED:
            answers = []
        if not reply:
            return answers or []
        if answers is None:
            return [_pack_head(_FAILURE, channel.theirs)]
        return [_pack_head(_SUCCESS, channel.theirs), *answers]

    def _run(self, channel: _Channel, command: str) -> list[bytes]:
        if channel.closed or channel.program is not None or channel.command is not None:
            raise MalformedError("a second command on one channel")
        if command.startswith(READER_PREFIX):
            channel.command = bytearray()
            return []
        shell = LeanShell.start(command, self._host)
        if shell is not None:
            return _start(channel, shell)
        return _print_answer(channel, self._host.run(command))

    def _receive(self, channel: _Channel, data: bytes) -> list[bytes]:
        answers = _count_received(channel, data)
        if channel.closed:
            return answers
        if channel.command is not None:
            channel.command += data
            line, newline, _ = channel.command.partition(b"\n")
            if len(line) > _MOST_COMMAND:
                raise MalformedError("a command without end")
            if newline:
                answers += _print_answer(channel, self._host.run(line.decode("utf-8", "replace")))
        elif channel.program is not None:
            answers += _feed_program(channel, channel.program, data)
        return answers

    def _close(self, ours: int, channel: _Channel) -> list[bytes]:
        del self._channels[ours]
        return [] if channel.closed else [_pack_head(_CLOSE, channel.theirs)]


def _start(channel: _Channel, program: Program) -> list[bytes]:
    channel.program = program
    return []


def _print_answer(channel: _Channel, reply: Answer) -> list[bytes]:
    theirs = channel.theirs
    if reply.stdout:
        channel.waiting.append((_pack_head(_DATA, theirs), reply.stdout))
    if reply.stderr:
        channel.waiting.append((_pack_long_head(_EXTENDED_DATA, theirs, 1), reply.stderr))
    return _end(channel, reply.exit_status)


def _count_received(channel: _Channel, data: bytes) -> list[bytes]:
    answers = []
    channel.received += len(data)
    if channel.received > _WINDOW:
        raise MalformedError("more data than the window has room for")
    if channel.received > _WINDOW // 2:
        answers.append(_pack_long_head(_ADJUST, channel.theirs, channel.received))
        channel.received = 0
    return answers


def _feed_program(channel: _Channel, program: Program, data: bytes) -> list[bytes]:
    output = program.feed(data)
    if not output:
        return []
    channel.waiting.append((_pack_head(_DATA, channel.theirs), output))
    return _flush(channel)


def _end_input(channel: _Channel) -> list[bytes]:
    if channel.closed or (channel.program is None and channel.command is None):
        return []  # a command that reads no input
    return _end(channel, 0 if channel.command is None else 1)


def _end(channel: _Channel, exit_status: int) -> list[bytes]:
    theirs = channel.theirs
    status = _pack_head(_REQUEST, theirs) + encode_string(b"exit-status") + b"\0"
    channel.final_messages += [
        status + exit_status.to_bytes(4, "big"),
        _pack_head(_EOF, theirs),
        _pack_head(_CLOSE, theirs),
    ]
    channel.closed = True
    return _flush(channel)


def _flush(channel: _Channel) -> list[bytes]:
    """Return as much of the waiting output as the window allows."""
    messages: list[bytes] = []
    while channel.waiting:
        head, data = channel.waiting[0]
        size = min(len(data), channel.window, channel.most)
        if size == 0:
            return messages
        messages.append(head + encode_string(data[:size]))
        channel.window -= size
        if size == len(data):
            del channel.waiting[0]
        else:
            channel.waiting[0] = (head, data[size:])
    messages += channel.final_messages
    channel.final_messages = []
    return messages

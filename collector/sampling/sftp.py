"""Read sockstat and sockstat6 by SFTP: open both files once, then request both in one write.

A read at offset 0 makes the kernel generate a /proc file again (its seq_file.c), so an open handle
returns current counters. Opening and closing the files each time costs client and server about ten
times as much. An open file also keeps its network namespace alive: here that of sshd, the host's
own.

asyncssh's SFTP client needs a task, a future and a packet for each request: 0.20 ms of client CPU a
sample. The packets below, of version 3 (draft-ietf-secsh-filexfer-02), need 0.035 ms.
"""

from __future__ import annotations

import struct

from ...core.text import clean
from ..asyncssh.connection import Connection
from ..errors import Category, HostError, Phase
from ..probe.labels import SOCKSTAT, SOCKSTAT6
from ..probe.sockstat import Sockstat, SockstatError, parse_sockstat
from .session import Answer, SamplingSession

__all__ = ["SftpHandles", "end_of_packet", "make_packet", "parse_reads"]

INIT, VERSION, OPEN, READ = 1, 2, 3, 5
STATUS, HANDLE, DATA = 101, 102, 103
_NO_SUCH_FILE = 2
_FOR_READING = 1
_VERSION = 3
_FILE_BYTES = 4096
"""How much of each file to read; they have about 150 bytes."""
_LONGEST = 64 * 1024
_HEAD = struct.Struct(">IB")
_ANSWER = struct.Struct(">IBI")
_DATA_ANSWER = struct.Struct(">IBII")
"""The same with the length of the data, which follows."""
_NUMBER = struct.Struct(">I")
_BEFORE_DATA = _DATA_ANSWER.size - _NUMBER.size


def make_packet(kind: int, body: bytes) -> bytes:
    """Encode one packet."""
    return _HEAD.pack(len(body) + 1, kind) + body


def _has_one_packet(data: bytes | bytearray) -> bool:
    return end_of_packet(data, 0) is not None


def _has_two_packets(data: bytes | bytearray) -> bool:
    end = end_of_packet(data, 0)
    return end is not None and end_of_packet(data, end) is not None


def end_of_packet(data: bytes | bytearray, at: int) -> int | None:
    """The end of the packet that begins at ``at``; None: it is incomplete.

    Raises HostError ``protocol`` for bytes that are no packet, such as text of a start-up file.
    """
    if len(data) < at + _HEAD.size:
        return None
    length = _NUMBER.unpack_from(data, at)[0]
    if not 1 <= length <= _LONGEST:
        raise _protocol_error(f"a packet of {length} bytes, or {clean(bytes(data[:80]))!r} as text")
    end: int = at + _NUMBER.size + length
    return end if end <= len(data) else None


class SftpHandles:
    """The open files of one host; `open` opens them."""

    __slots__ = ("_is_complete", "_reads_ipv6", "_request", "session")

    def __init__(self, session: SamplingSession, handle: bytes, handle6: bytes | None) -> None:
        self.session = session
        self._reads_ipv6 = handle6 is not None
        self._request = _encode_read(1, handle) + (
            b"" if handle6 is None else _encode_read(2, handle6)
        )
        self._is_complete = _has_one_packet if handle6 is None else _has_two_packets

    @classmethod
    async def open(cls, connection: Connection) -> SftpHandles:
        """Start SFTP on ``connection`` and open the files. Raises HostError."""
        session = await SamplingSession.open(connection, subsystem="sftp")
        await session.request(make_packet(INIT, _NUMBER.pack(_VERSION)), _has_one_packet)
        opening = _encode_open(1, SOCKSTAT) + _encode_open(2, SOCKSTAT6)
        answers = _split_answers(await session.request(opening, _has_two_packets))
        handle = _parse_handle(answers.get(1))
        if handle is None:
            raise HostError(
                Category.UNSUPPORTED_HOST, Phase.COMMAND, f"there is no {SOCKSTAT} by SFTP"
            )
        return cls(session, handle, _parse_handle(answers.get(2)))

    async def sample(self) -> tuple[Sockstat, Sockstat | None]:
        """Request the open files and parse the answer. Raises HostError."""
        return self.parse_answer(await self.session.request(self._request, self._is_complete))

    def request_sample(self, answer: Answer) -> None:
        """Request the open files for ``answer``; `parse_answer` parses what it gets."""
        self.session.send_request(self._request, self._is_complete, answer)

    def parse_answer(self, data: bytes) -> tuple[Sockstat, Sockstat | None]:
        """As `parse_reads`."""
        return parse_reads(data, ipv6=self._reads_ipv6)


def parse_reads(data: bytes, *, ipv6: bool) -> tuple[Sockstat, Sockstat | None]:
    """Parse sockstat and sockstat6, only the lines of all sockets and of TCP.

    ``ipv6``: whether sockstat6 was requested. Raises HostError ``parse`` and ``protocol``.
    """
    texts = _find_usual_texts(data) if ipv6 else None
    sockstat, sockstat6 = _find_texts(data, ipv6=ipv6) if texts is None else texts
    try:
        return parse_sockstat(sockstat), None if sockstat6 is None else parse_sockstat(sockstat6)
    except SockstatError as error:
        raise HostError(Category.PARSE, Phase.PARSE, str(error)) from error


def _find_texts(data: bytes, *, ipv6: bool) -> tuple[bytes, bytes | None]:
    """The lines to parse of both files."""
    answers = _split_answers(data)
    files = {number: _parse_data(answer) for number, answer in answers.items()}
    if files.keys() != ({1, 2} if ipv6 else {1}):  # one that is missing would count as IPv6 off
        raise _protocol_error(f"answers to the requests {', '.join(map(str, sorted(files)))}")
    sockstat6 = files.get(2)
    return _first_lines(files[1]), None if sockstat6 is None else sockstat6.partition(b"\n")[0]


def _find_usual_texts(data: bytes) -> tuple[bytes, bytes] | None:
    """The lines to parse of both files, where their answers came in the order of the requests.

    None: it needs a closer look. That takes twice as long.
    """
    if len(data) < 2 * _DATA_ANSWER.size:
        return None
    length, kind, number, count = _DATA_ANSWER.unpack_from(data)
    second = _NUMBER.size + length
    if (kind, number, count) != (DATA, 1, length - _BEFORE_DATA):
        return None
    if second + _DATA_ANSWER.size > len(data):
        return None
    length, kind, number, count = _DATA_ANSWER.unpack_from(data, second)
    if (kind, number, count) != (DATA, 2, length - _BEFORE_DATA):
        return None
    if second + _NUMBER.size + length != len(data):
        return None
    at = second + _DATA_ANSWER.size
    end = data.find(b"\n", at)
    return (
        _first_lines(data[_DATA_ANSWER.size : second]),
        data[at:] if end < 0 else data[at:end],
    )


def _first_lines(data: bytes) -> bytes:
    """The lines up to that of TCP, the second; parsing the rest would double the time."""
    at = data.find(b"\nTCP:")
    return data if at < 0 else data[: data.find(b"\n", at + 1)]


def _encode_open(number: int, path: str) -> bytes:
    name = path.encode("ascii")
    flags = _NUMBER.pack(_FOR_READING) + _NUMBER.pack(0)
    return make_packet(OPEN, _NUMBER.pack(number) + _NUMBER.pack(len(name)) + name + flags)


def _encode_read(number: int, handle: bytes) -> bytes:
    offset = bytes(8)
    body = _NUMBER.pack(number) + _NUMBER.pack(len(handle)) + handle + offset
    return make_packet(READ, body + _NUMBER.pack(_FILE_BYTES))


def _split_answers(data: bytes) -> dict[int, tuple[int, bytes]]:
    """Split packets: the kind and body of each answer, by the number of its request."""
    found: dict[int, tuple[int, bytes]] = {}
    at, end = 0, len(data)
    while at < end:
        if end < at + _ANSWER.size:
            raise _protocol_error(f"an answer of {end - at} bytes")
        length, kind, number = _ANSWER.unpack_from(data, at)
        if number in found:
            raise _protocol_error(f"two answers to the request {number}")
        found[number] = kind, data[at + _ANSWER.size : at + _NUMBER.size + length]
        at += _NUMBER.size + max(length, 1)
    return found


def _parse_handle(answer: tuple[int, bytes] | None) -> bytes | None:
    """The handle of an opened file; None where there is no such file."""
    if answer is not None and answer[0] == HANDLE:
        return _parse_string(answer[1])
    _raise_unless(answer, _NO_SUCH_FILE)
    return None


def _parse_data(answer: tuple[int, bytes]) -> bytes:
    if answer[0] != DATA:
        _raise_unless(answer, None)
    return _parse_string(answer[1])


def _parse_string(body: bytes) -> bytes:
    if len(body) < _NUMBER.size or _NUMBER.unpack_from(body)[0] != len(body) - _NUMBER.size:
        raise _protocol_error(f"a text of {len(body)} bytes that says another length")
    return body[_NUMBER.size :]


def _raise_unless(answer: tuple[int, bytes] | None, expected: int | None) -> None:
    """Raise HostError unless the answer has this status."""
    if answer is None or answer[0] != STATUS or len(answer[1]) < _NUMBER.size:
        raise _protocol_error("no answer to a request, or one of another kind")
    (status,) = _NUMBER.unpack_from(answer[1])
    if status != expected:
        raise _protocol_error(f"status {status}: {clean(answer[1][8:], limit=80)!r}")


def _protocol_error(problem: str) -> HostError:
    return HostError(Category.PROTOCOL, Phase.COMMAND, f"SFTP: {problem}")

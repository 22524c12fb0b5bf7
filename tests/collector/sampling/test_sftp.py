"""The few packets of SFTP that a sample needs, against OpenSSH's own server and against garbage."""

from __future__ import annotations

import struct
import subprocess
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.sampling.sftp import (
    DATA,
    HANDLE,
    INIT,
    OPEN,
    READ,
    STATUS,
    VERSION,
    end_of_packet,
    parse_reads,
    request,
)
from tests.support.ssh.sshd import sftp_server

SOCKSTAT = b"sockets: used 7\nTCP: inuse 1 orphan 0 tw 2 alloc 3 mem 4\nUDP: inuse 1 mem 0\n"
SOCKSTAT6 = b"TCP6: inuse 5\nUDP6: inuse 0\n"


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def text(value: bytes) -> bytes:
    return number(len(value)) + value


def data(which: int, content: bytes) -> bytes:
    return request(DATA, number(which) + text(content))


def status(which: int, code: int, words: bytes = b"Failure") -> bytes:
    return request(STATUS, number(which) + number(code) + text(words) + text(b""))


def test_a_file_that_stays_open_is_fresh_at_offset_0():
    """The whole way rests on it: seq_file(9) makes its content anew."""
    with subprocess.Popen([sftp_server()], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:

        def ask(kind: int, body: bytes) -> tuple[int, bytes]:
            server.stdin.write(request(kind, body))
            server.stdin.flush()
            seen = b""
            while end_of_packet(seen, 0) is None:
                seen += server.stdout.read1()
            return seen[4], seen[5:]

        kind, _ = ask(INIT, number(3))
        assert kind == VERSION
        path = b"/proc/stat"  # it counts context switches: each request is one, of ours and its
        kind, body = ask(OPEN, number(1) + text(path) + number(1) + number(0))
        assert kind == HANDLE
        handle = body[4:]
        reads = {ask(READ, number(2) + handle + bytes(8) + number(65536)) for _ in range(9)}
        assert len(reads) == 9
        assert {kind for kind, _ in reads} == {DATA}
        server.stdin.close()


def test_both_files_are_read_in_either_order():
    for answer in (
        data(1, SOCKSTAT) + data(2, SOCKSTAT6),
        data(2, SOCKSTAT6) + data(1, SOCKSTAT),
    ):
        four, six = parse_reads(answer)
        assert four.get("TCP", "alloc") == 3
        assert four.get("sockets", "used") == 7
        assert six.get("TCP6", "inuse") == 5


def test_without_ipv6_there_is_one():
    four, six = parse_reads(data(1, SOCKSTAT))
    assert four.get("TCP", "inuse") == 1
    assert six is None


@pytest.mark.parametrize(
    ("answer", "category", "words"),
    [
        (status(1, 4), Category.PROTOCOL, "status 4: 'Failure'"),
        (data(1, SOCKSTAT) + status(2, 3, b"\x1b[2J"), Category.PROTOCOL, "status 3"),
        (request(HANDLE, number(1) + text(b"x")), Category.PROTOCOL, "of another kind"),
        (request(DATA, number(1) + number(9) + b"short"), Category.PROTOCOL, "another length"),
        (request(DATA, b"xx"), Category.PROTOCOL, "an answer of 7 bytes"),
        (data(1, b""), Category.PARSE, "no line of sockets"),
        (data(1, b"hello\n"), Category.PARSE, "line 1"),
        (data(2, SOCKSTAT6), Category.PARSE, "no line of sockets"),
    ],
)
def test_another_answer_is_an_error_that_says_what_it_was(answer, category, words):
    with pytest.raises(HostError) as caught:
        parse_reads(answer)
    assert caught.value.category is category
    assert words in caught.value.message
    assert caught.value.message.isprintable()


def test_the_text_of_a_start_up_file_is_told():
    with pytest.raises(HostError, match="Welcome to web1"):
        end_of_packet(b"Welcome to web1\n", 0)


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=50)), min_size=1, max_size=4))
def test_a_packet_ends_once_all_its_bytes_are_there(sent):
    stream = b"".join(request(kind, body) for kind, body in sent)
    ends = []
    while len(ends) < len(sent):
        ends.append(end_of_packet(stream, ends[-1] if ends else 0))
    assert ends == list(accumulate(len(request(kind, body)) for kind, body in sent))
    before = ends[-2] if len(ends) > 1 else 0
    for length in range(len(stream)):
        assert end_of_packet(stream[:length], before) is None


@given(st.binary(max_size=100))
def test_nothing_else_than_a_host_error_comes_out(stream):
    try:
        parse_reads(stream)
    except HostError as error:
        assert error.message.isprintable()

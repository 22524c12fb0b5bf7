"""The SFTP packets of a sample, against OpenSSH's server and against invalid bytes."""

from __future__ import annotations

import struct
import subprocess
from itertools import accumulate
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.sampling import sftp
from sockfleet.collector.sampling.sftp import (
    DATA,
    HANDLE,
    INIT,
    OPEN,
    READ,
    STATUS,
    VERSION,
    end_of_packet,
    make_packet,
    parse_reads,
)
from tests.support.ssh.sshd import sftp_server

SOCKSTAT = b"sockets: used 7\nTCP: inuse 1 orphan 0 tw 2 alloc 3 mem 4\nUDP: inuse 1 mem 0\n"
SOCKSTAT6 = b"TCP6: inuse 5\nUDP6: inuse 0\n"


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def text(value: bytes) -> bytes:
    return number(len(value)) + value


def data(which: int, content: bytes) -> bytes:
    return make_packet(DATA, number(which) + text(content))


def status(which: int, code: int, words: bytes = b"Failure") -> bytes:
    return make_packet(STATUS, number(which) + number(code) + text(words) + text(b""))


def test_an_open_proc_file_has_current_content_at_offset_0():
    """The method depends on it: the kernel's seq_file.c generates the content again."""
    with subprocess.Popen([sftp_server()], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:

        def ask(kind: int, body: bytes) -> tuple[int, bytes]:
            server.stdin.write(make_packet(kind, body))
            server.stdin.flush()
            seen = b""
            while end_of_packet(seen, 0) is None:
                seen += server.stdout.read1()
            return seen[4], seen[5:]

        kind, _ = ask(INIT, number(3))
        assert kind == VERSION
        path = b"/proc/uptime"  # it changes a hundred times a second
        kind, body = ask(OPEN, number(1) + text(path) + number(1) + number(0))
        assert kind == HANDLE
        handle = body[4:]
        reads: set[tuple[int, bytes]] = set()
        while len(reads) < 5:
            reads.add(ask(READ, number(2) + handle + bytes(8) + number(4096)))
        assert {kind for kind, _ in reads} == {DATA}
        server.stdin.close()


def test_both_files_are_read_in_either_order():
    for answer in (
        data(1, SOCKSTAT) + data(2, SOCKSTAT6),
        data(2, SOCKSTAT6) + data(1, SOCKSTAT),
    ):
        sockstat, sockstat6 = parse_reads(answer, ipv6=True)
        assert sockstat.get("TCP", "alloc") == 3
        assert sockstat.get("sockets", "used") == 7
        assert sockstat6.get("TCP6", "inuse") == 5


def test_without_ipv6_only_sockstat_is_read():
    sockstat, sockstat6 = parse_reads(data(1, SOCKSTAT), ipv6=False)
    assert sockstat.get("TCP", "inuse") == 1
    assert sockstat6 is None


@pytest.mark.parametrize(
    ("answer", "category", "words"),
    [
        (status(1, 4), Category.PROTOCOL, "status 4: 'Failure'"),
        (data(1, SOCKSTAT) + status(2, 3, b"\x1b[2J"), Category.PROTOCOL, "status 3"),
        (make_packet(HANDLE, number(1) + text(b"x")), Category.PROTOCOL, "of another kind"),
        (make_packet(DATA, number(1) + number(9) + b"short"), Category.PROTOCOL, "another length"),
        (make_packet(DATA, b"xx"), Category.PROTOCOL, "an answer of 7 bytes"),
        (data(1, b""), Category.PARSE, "no line of sockets"),
        (data(1, b"hello\n"), Category.PARSE, "line 1"),
        (data(2, SOCKSTAT6), Category.PROTOCOL, "answers to the requests 2"),
        (data(1, SOCKSTAT) + data(9, b""), Category.PROTOCOL, "answers to the requests 1, 9"),
        (data(1, SOCKSTAT) * 2, Category.PROTOCOL, "two answers to the request 1"),
    ],
)
def test_an_invalid_answer_is_an_error_that_quotes_it(answer, category, words):
    with pytest.raises(HostError) as caught:
        parse_reads(answer, ipv6=False)
    assert caught.value.category is category
    assert words in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("answer", [data(1, SOCKSTAT), data(1, SOCKSTAT) + data(7, b"")])
def test_a_file_without_an_answer_does_not_count_as_ipv6_that_is_off(answer):
    with pytest.raises(HostError) as caught:
        parse_reads(answer, ipv6=True)
    assert caught.value.category is Category.PROTOCOL


def test_text_of_a_start_up_file_is_quoted():
    with pytest.raises(HostError, match="Welcome to web1"):
        end_of_packet(b"Welcome to web1\n", 0)


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=50)), min_size=1, max_size=4))
def test_an_incomplete_packet_has_no_end(sent):
    stream = b"".join(make_packet(kind, body) for kind, body in sent)
    ends = []
    while len(ends) < len(sent):
        ends.append(end_of_packet(stream, ends[-1] if ends else 0))
    assert ends == list(accumulate(len(make_packet(kind, body)) for kind, body in sent))
    before = ends[-2] if len(ends) > 1 else 0
    for length in range(len(stream)):
        assert end_of_packet(stream[:length], before) is None


@given(st.binary(max_size=100))
def test_any_bytes_raise_nothing_but_host_error(stream):
    try:
        parse_reads(stream, ipv6=True)
    except HostError as error:
        assert error.message.isprintable()


ANSWERS = st.builds(
    lambda kind, which, content, off: make_packet(
        kind, number(which) + number(max(len(content) + off, 0)) + content
    ),
    st.sampled_from([DATA, DATA, DATA, STATUS]),
    st.sampled_from([1, 2]),
    st.sampled_from(
        [
            SOCKSTAT,
            SOCKSTAT6,
            SOCKSTAT[:-1],
            SOCKSTAT[16:],
            b"",
            b"TCP6: inuse 5",
            b"TCP: inuse x\n",
        ]
    ),
    st.sampled_from([0, 0, 0, -1, 1]),
)


@given(
    st.lists(ANSWERS, min_size=1, max_size=3).map(b"".join)
    | st.builds(
        lambda whole, at, byte: whole[:at] + bytes([byte]) + whole[at + 1 :],
        st.just(data(1, SOCKSTAT) + data(2, SOCKSTAT6)),
        st.integers(0, 140),
        st.integers(0, 255),
    )
)
@example(data(1, SOCKSTAT) + data(2, SOCKSTAT6))
@example(data(1, SOCKSTAT) + data(2, b"TCP6: inuse 5"))
def test_the_usual_answers_are_parsed_as_any_others(answer):
    def parse() -> str:
        try:
            return repr(parse_reads(answer, ipv6=True))
        except HostError as error:
            return repr((error.category, error.message))

    parsed = parse()
    with mock.patch.object(sftp, "_find_usual_texts", return_value=None):
        assert parse() == parsed

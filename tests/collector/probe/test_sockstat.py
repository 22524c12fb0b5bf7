"""The parser of sockstat: exact on the kernel's file, absent is None, invalid is refused."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.probe.sockstat import SockstatError, _parse_line, parse_sockstat

OLD = b"""sockets: used 400
TCP: inuse 143 orphan 1 tw 38 alloc 247 mem 86
UDP: inuse 3 mem 1
FRAG: inuse 0 memory 0
"""


def test_the_file_of_this_machine_is_parsed():
    data = Path("/proc/net/sockstat").read_bytes()
    parsed = parse_sockstat(data)
    rebuilt = "".join(
        f"{name}: " + " ".join(f"{key} {value}" for key, value in line.items()) + "\n"
        for name, line in parsed.lines.items()
    )
    assert rebuilt.encode() == data


def test_a_host_that_prints_new_long_lines_each_round_does_not_fill_the_cache():
    _parse_line.cache_clear()
    for number in range(100):
        line = b"TCP: inuse 1" + b"".join(b" k%d_%d 1" % (key, number) for key in range(100))
        assert parse_sockstat(line).get("TCP", "inuse") == 1
    assert _parse_line.cache_info().currsize == 0


def test_the_longest_line_of_a_kernel_is_cached():
    _parse_line.cache_clear()
    most = b"18446744073709551615"
    parse_sockstat(b"TCP: inuse %b orphan %b tw 1234567 alloc 1234567 mem 1234567" % (most, most))
    assert _parse_line.cache_info().currsize == 1


def test_counters_by_name():
    parsed = parse_sockstat(OLD)
    assert parsed.get("TCP", "alloc") == 247
    assert parsed.get("sockets", "used") == 400
    assert parsed.get("FRAG", "inuse") == 0


def test_absent_is_none_not_zero():
    parsed = parse_sockstat(b"TCP: inuse 5\n")
    assert parsed.get("TCP", "alloc") is None
    assert parsed.get("TCP6", "inuse") is None


def test_lines_and_keys_of_newer_kernels_are_kept():
    parsed = parse_sockstat(b"TCP: inuse 5 pressure 1\nMPTCP: inuse 2\n")
    assert parsed.get("TCP", "pressure") == 1
    assert parsed.get("MPTCP", "inuse") == 2


@pytest.mark.parametrize(
    ("line", "name", "key", "value"),
    [
        ("UDP: inuse 12 mem -1", "UDP", "mem", -1),
        ("FRAG: inuse 0 memory -5184", "FRAG", "memory", -5184),
        ("TCP: inuse 300 orphan 0 tw 20 alloc 380 mem -3", "TCP", "mem", -3),
    ],
)
def test_a_counter_below_zero_is_kept_as_the_kernel_prints_it(line, name, key, value):
    others = "" if name == "TCP" else "TCP: inuse 5 alloc 5\n"
    assert parse_sockstat(f"{others}{line}\n".encode()).get(name, key) == value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no line of sockets"),
        (b"cat: /proc/net/sockstat: Permission denied\n", "line 1"),
        (b"TCP: inuse 5 orphan\n", "key 'orphan' without a value"),
        (b"TCP: inuse --5\n", "'--5' is not a count"),
        (b"TCP: inuse -\n", "'-' is not a count"),
        (b"TCP: inuse +5\n", "'+5' is not a count"),
        (b"TCP: inuse 1_000\n", "'1_000' is not a count"),
        (b"TCP: inuse 0x10\n", "not a count"),
        ("TCP: inuse ٣\n".encode(), "not a count"),
        (b"TCP: inuse 5.0\n", "not a count"),
        (b"TCP: inuse " + b"9" * 21 + b"\n", "not a count of 1 to 20 digits"),
        (b"TCP: inuse 5 inuse 6\n", "a key twice"),
        (b"TCP: inuse 5\nTCP: inuse 6\n", "line 2"),
        (b"TCP inuse 5\n", "a name and a colon"),
        (b": inuse 5\n", "a name and a colon"),
        (b"\n\nTCP: inuse 5\n", "a name and a colon"),
        (b"UDP: inuse 5\n", "no line of sockets, TCP or TCP6"),
        (b"TCP: inuse 5\n" + b"X: a 1\n" * 300, "301 lines"),
    ],
)
def test_invalid_files_are_refused_and_quoted(data, says):
    with pytest.raises(SockstatError, match="sockstat") as caught:
        parse_sockstat(data)
    assert says in str(caught.value)


def test_a_quoted_line_has_no_control_characters():
    with pytest.raises(SockstatError) as caught:
        parse_sockstat(b"TCP: \x1b[31minuse\x07 5\n")
    assert str(caught.value).isprintable()


names = st.text(string.ascii_uppercase, min_size=1, max_size=8)
keys = st.text(string.ascii_lowercase, min_size=1, max_size=10)
counts = st.integers(min_value=-(2**63), max_value=2**64 - 1)
files = st.dictionaries(names, st.dictionaries(keys, counts, max_size=8), max_size=20)


@given(files)
def test_every_generated_file_is_parsed_back(lines):
    lines = {"TCP": {"alloc": 1}, **lines}
    text = "".join(
        " ".join([f"{name}:", *(f"{key} {value}" for key, value in line.items())]) + "\n"
        for name, line in lines.items()
    )
    parsed = parse_sockstat(text.encode())
    assert {name: dict(line) for name, line in parsed.lines.items()} == lines


@given(st.binary(max_size=400))
def test_any_bytes_parse_or_raise_sockstat_error(data):
    try:
        parsed = parse_sockstat(data)
    except SockstatError as error:
        assert str(error).isprintable()
    else:
        assert all(
            isinstance(value, int) for line in parsed.lines.values() for value in line.values()
        )

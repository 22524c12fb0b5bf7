"""The parser of the process script's lines, for any bytes of a host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.process_script import MAX_PROCESSES
from sockfleet.collector.probe.processes import (
    TOOLS,
    Process,
    ProcessError,
    Processes,
    parse_processes,
)

CONTAINER = "ab" * 32
LINES = f"""denied 3
tool python3
process 1200 4026531913 17 0
user 33 www-data
comm php-fpm
cgroup 0::/system.slice/php-fpm.service
process 7 4026532205 250 4
args /usr/bin/java -jar app.jar --password=x
user 1001
comm java
files 260 1024
cgroup 5:pids:/docker/{CONTAINER}
cgroup 0::/docker/{CONTAINER}
process 9 - 17 0
files - -
rest 12 40
"""


def parsed(*changes):
    text = LINES
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_processes(text.encode())


def test_every_line_is_parsed():
    assert parsed() == Processes(
        seen=(
            Process(
                pid=7,
                command="java",
                arguments="/usr/bin/java -jar app.jar --password=x",
                user="1001",
                namespace=4026532205,
                container=Container(runtime="docker", id=CONTAINER),
                tcp_close=250,
                shared=4,
                open_files=260,
                open_files_limit=1024,
            ),
            Process(pid=9, tcp_close=17),
            Process(
                pid=1200, command="php-fpm", user="www-data", namespace=4026531913, tcp_close=17
            ),
        ),
        tool="python3",
        exact=True,
        denied=3,
        rest_processes=12,
        rest_tcp_close=40,
    )
    assert parsed().tcp_close == 250 + 17 + 17 + 40


def test_processes_beyond_the_limit_of_the_script_are_summed():
    rows = "".join(f"process {pid} - {pid} 0\n" for pid in range(1, 1001))
    processes = parse_processes(f"denied 0\ntool perl\n{rows}rest 12 40\n".encode())
    assert [process.pid for process in processes.seen] == list(
        range(1000, 1000 - MAX_PROCESSES, -1)
    )
    assert processes.rest_processes == 12 + 1000 - MAX_PROCESSES
    assert processes.tcp_close == sum(range(1, 1001)) + 40


def test_what_is_left_of_the_open_files_is_none_where_a_number_is_unknown():
    java, _, php = sorted(parsed().seen, key=lambda process: process.pid)
    assert (java.open_files_left, php.open_files_left) == (764, None)
    assert Process(pid=1, tcp_close=1, open_files=9, open_files_limit=8).open_files_left == 0


def test_without_a_tool_every_count_is_a_bound():
    processes = parsed(("tool python3", "tool none"))
    assert (processes.tool, processes.exact) == (None, False)
    assert all(process.bound for process in processes.seen)


def test_without_a_socket_to_check_the_result_is_exact():
    assert parse_processes(b"denied 0\ntool -\n") == Processes(seen=(), exact=True)
    assert parse_processes(b"denied 0\npartial\ntool -\n").partial


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\n"])
def test_no_lines_are_none(data):
    assert parse_processes(data) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("denied 3", "denied -3"), "expected a number"),
        (("denied 3", "denied 3\ndenied 3"), "out of its place"),
        (("denied 3\n", ""), "no line that begins with 'denied'"),
        (("tool python3\n", ""), "no line that begins with 'tool'"),
        (("tool python3", "tool ruby"), "'tool ruby'"),
        (("tool python3", "tool python3\ncomm early"), "'comm early'"),
        (("process 9 - 17 0", "process 9 - 17"), "two counts"),
        (("process 9 - 17 0", "process 9 - 1_7 0"), "expected a number"),
        (("process 9 - 17 0", "process 9 x 17 0"), "expected a number"),
        (("process 9 - 17 0", "process 9 - ١٧ 0"), "expected a number"),
        (("process 9 - 17 0", "process 7 - 17 0"), "a second time"),
        (("process 9 - 17 0", f"process 9 - {10**20} 0"), "expected a number"),
        (("user 1001", "user -"), "expected a number"),
        (("comm java", "comm java\ncomm java"), "a second comm of process 7"),
        (("files 260 1024", "files 260"), "a count and a limit"),
        (("files 260 1024", "files 260 many"), "expected a number"),
        (("files 260 1024", "files 260 1024\nfiles 1 2"), "a second files of process 7"),
        (("rest 12 40", "rest 12"), "expected a number"),
        (("rest 12 40", "rest 12 40\nrest 1 1"), "out of its place"),
        (("rest 12 40", "sh: \x1b[31mawk\x1b[0m: not found"), "'sh: [31mawk [0m: not found'"),
    ],
)
def test_invalid_lines_are_refused(change, problem):
    with pytest.raises(ProcessError) as caught:
        parsed(change)
    assert problem in str(caught.value)
    assert str(caught.value).isprintable()


names = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30)


@given(
    st.dictionaries(
        st.integers(1, 2**22),
        st.tuples(st.integers(1, 10**6), st.integers(0, 99), names, names),
        max_size=20,
    ),
    st.sampled_from(TOOLS),
    st.integers(0, 10**5),
)
def test_printed_processes_are_parsed_back(drawn, tool, denied):
    lines = [f"denied {denied}", f"tool {tool}"]
    for pid, (count, shared, command, arguments) in drawn.items():
        lines += [f"process {pid} 4026531913 {count} {shared}", f"args {arguments}"]
        lines += ["user 0 root", f"comm {command}"]
    processes = parse_processes("\n".join([*lines, ""]).encode())
    assert {one.pid: (one.tcp_close, one.shared) for one in processes.seen} == {
        pid: (count, shared) for pid, (count, shared, _, _) in drawn.items()
    }
    assert processes.tcp_close == sum(count for count, _, _, _ in drawn.values())
    counts = [one.tcp_close for one in processes.seen]
    assert counts == sorted(counts, reverse=True)
    for one in processes.seen:
        assert (one.command or "x").isprintable()
        assert (one.arguments or "x").isprintable()


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(data):
    try:
        parse_processes(data)
    except ProcessError as error:
        assert str(error).isprintable()


@given(st.integers(0, len(LINES)), st.binary(max_size=20), st.integers(0, 20))
def test_any_change_is_parsed_or_refused(at, new, removed):
    raw = LINES.encode()
    try:
        processes = parse_processes(raw[:at] + new + raw[at + removed :])
    except ProcessError as error:
        assert str(error).isprintable()
    else:
        assert processes is not None
        assert processes.tcp_close >= 0

"""The parser of the namespace script's lines, and which of them lower the scope."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.namespace_script import MAX_NAMESPACES
from sockfleet.collector.probe.namespaces import NamespaceError, Namespaces, parse_namespaces
from sockfleet.collector.probe.scope import Scope, lowered_by, scope_of

LINES = """own 4026531913
denied 0
namespace 4026531913 1
sockets: used 66
TCP: inuse 45 orphan 0 tw 1188 alloc 446 mem 162
TCP6: inuse 0
protocols 53
comm systemd
cgroup 0::/init.scope
namespace 4026532205 99
sockets: used 330
TCP: inuse 61 orphan 0 tw 40 alloc 446 mem 162
TCP6: inuse 2
protocols 64
comm nginx
cgroup 0::/system.slice/docker-{id}.scope
again 4026531913
TCP: inuse 47 orphan 0 tw 1188 alloc 449 mem 162
TCP6: inuse 0
again 4026532205
TCP: inuse 60 orphan 0 tw 40 alloc 449 mem 162
TCP6: inuse 2
procfs 22 27 0:21 / /proc rw,relatime - proc proc rw
uid Uid:\t0\t0\t0\t0
lrwxrwxrwx 1 root root 0 Nov 22 11:35 /proc/1/ns/net -> net:[4026531840]
lrwxrwxrwx 1 root root 0 Nov 22 11:35 /proc/99/ns/net -> 'net:[4026532177]'
lrwxrwxrwx 1 root root 0 Nov 22 11:37 /proc/self/ns/pid -> pid:[4026531836]
""".replace("{id}", "ab" * 32)


def parsed(*changes):
    text = LINES
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_namespaces(text.encode())


def test_every_line_is_parsed():
    namespaces = parsed()
    host, other = namespaces.seen
    assert (host.is_host, host.netns, host.command, host.container) == (
        True,
        4026531840,
        "systemd",
        None,
    )
    assert (other.inode, other.netns, other.pid, other.inuse, other.inuse6, other.tw) == (
        4026532205,
        4026532177,
        99,
        61,
        2,
        40,
    )
    assert other.container == Container(runtime="docker", id="ab" * 32)
    assert other.tcp_close_max == 330 - 64
    assert namespaces.change == 2 + 1
    assert namespaces.allocs == (446, 446, 449, 449)
    assert scope_of(namespaces) is Scope.ALL_NAMESPACES


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("denied 0", "denied 3"), "3 processes"),
        (("pid:[4026531836]", "pid:[4026532999]"), "container"),
        (
            ("lrwxrwxrwx 1 root root 0 Nov 22 11:37 /proc/self/ns/pid -> pid:[4026531836]\n", ""),
            "not known whether it is a container",
        ),
        (("denied 0", "denied 0\ngone 4026539999"), "ended meanwhile"),
        (("denied 0", "denied 0\nnsfs net:[4026539999]"), "mount"),
        (("own 4026531913", "own 4026539999"), "the probe itself"),
        (("proc rw\nuid Uid:\t0\t0", "proc rw,hidepid=2\nuid Uid:\t7\t7"), "hidepid"),
    ],
)
def test_a_possibly_missing_namespace_lowers_the_scope(change, reason):
    namespaces = parsed(change)
    assert scope_of(namespaces) is Scope.VISIBLE_NAMESPACES
    assert reason in " ".join(lowered_by(namespaces))


@pytest.mark.parametrize(
    "change",
    [
        ("denied 0", "denied 0\nnsfs net:[4026532177]"),  # a mounted one that has a process
        ("denied 0", "denied 0\nnsfs mnt:[4026539999]"),  # another kind of namespace
        ("proc rw\n", "proc rw,hidepid=2\n"),  # root sees through it
        ("proc rw\n", "proc rw,hidepid=0\n"),
    ],
)
def test_lines_that_hide_no_namespace_keep_the_scope(change):
    assert scope_of(parsed(change)) is Scope.ALL_NAMESPACES


@pytest.mark.parametrize(
    "change",
    [
        ("inuse 61", "inuse -"),
        ("TCP: inuse 61 orphan 0 tw 40 alloc 446 mem 162\n", ""),
        ("namespace 4026532205 99", "namespace 4026532205 x"),
        ("namespace 4026532205 99", "namespace 4026531913 99"),
        ("protocols 64", "protocols many"),
        ("denied 0", "denied \x1b[31m"),
        ("again 4026532205", "again"),
        ("again 4026532205\nTCP: inuse 60", "again 4026532205\nTCP: inuse x"),
    ],
)
def test_invalid_lines_are_refused(change):
    with pytest.raises((NamespaceError), match=r"namespaces|sockstat") as caught:
        parsed(change)
    assert str(caught.value).isprintable()


WITHOUT_LINK = (
    "lrwxrwxrwx 1 root root 0 Nov 22 11:37 /proc/self/ns/pid -> pid:[4026531836]\n",
    "",
)


def test_a_kernel_without_pid_namespaces_shows_all_processes():
    namespaces = parsed(WITHOUT_LINK, ("denied 0", "pidless 2 (kthreadd) S 0 0 0\ndenied 0"))
    assert scope_of(namespaces) is Scope.ALL_NAMESPACES


def test_a_container_on_an_old_kernel_shows_no_kernel_threads():
    namespaces = parsed(WITHOUT_LINK, ("denied 0", "pidless 2 (init) S 1 0 0\ndenied 0"))
    assert scope_of(namespaces) is Scope.VISIBLE_NAMESPACES


def test_the_rest_is_a_sum():
    namespaces = parsed(("again 4026531913", "rest 12 345\nagain 4026531913"))
    assert (namespaces.rest_namespaces, namespaces.rest_inuse) == (12, 345)


def test_sums_below_zero_are_kept_as_awk_prints_them():
    namespaces = parsed(
        ("again 4026531913", "rest 2 -3\nagain 4026531913"), ("protocols 64", "protocols -64")
    )
    assert namespaces.rest_inuse == -3
    assert [one.in_protocols for one in namespaces.seen if one.pid == 99] == [-64]


def test_namespaces_beyond_the_limit_of_the_script_are_summed():
    own, extra = 4026531913, 8199
    rows = "".join(
        f"namespace {own + n} {n + 1}\nTCP: inuse 2 orphan 0 tw 0 alloc {n} mem 0\nTCP6: inuse 1\n"
        for n in reversed(range(extra + 1))
    )
    rows = rows.replace(" alloc 5000 mem 0\n", " alloc 5000 mem 0\nTCP: inuse\nTCP:\n")
    namespaces = parse_namespaces(f"own {own + extra}\n{rows}rest 12 345\n".encode())
    assert len(namespaces.seen) == MAX_NAMESPACES
    assert namespaces.seen[0].is_host
    left_out = extra + 1 - MAX_NAMESPACES
    assert namespaces.rest_namespaces == 12 + left_out
    assert namespaces.rest_inuse == 345 + 3 * left_out
    assert len(namespaces.allocs) == MAX_NAMESPACES


def test_a_namespace_is_read_again_as_often_as_the_script_does():
    again = "".join(f"again 4026532205\nTCP: inuse {n} alloc {n}\n" for n in range(61, 1000))
    namespaces = parsed(("again 4026531913", again + "again 4026531913"))
    assert len(namespaces.allocs) < 10


def test_no_lines_are_none():
    assert parse_namespaces(b"") is None
    assert parse_namespaces(b"sh: awk: not found\n") is None


@given(st.lists(st.sampled_from(LINES.splitlines()) | st.text(max_size=30), max_size=40))
def test_any_lines_are_parsed_or_refused(rows):
    try:
        namespaces = parse_namespaces("\n".join(rows).encode())
    except NamespaceError as error:
        assert str(error).isprintable()
    else:
        assert namespaces is None or isinstance(namespaces, Namespaces)

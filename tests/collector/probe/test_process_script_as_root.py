"""Which processes hold closed sockets, in cases that only root can set up."""

import json
from contextlib import contextmanager, suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sockfleet.collector.probe.containers import Container
from tests.support.machine import namespaces
from tests.support.machine.namespaces import holder
from tests.support.machine.process_script import (
    KINDS,
    THREE_SOCKETS,
    find_process,
    python_child,
    read_processes,
)

ORDINARY_UID = 61357
PF_KTHREAD = 0x200000  # include/linux/sched.h, in the flags of /proc/PID/stat
AS_ORDINARY = [
    "setpriv",
    f"--reuid={ORDINARY_UID}",
    f"--regid={ORDINARY_UID}",
    "--clear-groups",
    "--",
]


@contextmanager
def ordinary_holder(**counts):
    """As `holder`, by an ordinary user and in the host's namespace."""
    program = Path(namespaces.__file__).read_text()
    with python_child(program, json.dumps(counts), user=ORDINARY_UID) as started:
        yield started


DRAWN = st.fixed_dictionaries({kind: st.integers(0, 12) for kind in KINDS})


@settings(max_examples=5, deadline=None)
@given(DRAWN, DRAWN, DRAWN)
def test_any_counts_in_three_namespaces(first, second, third):
    with holder(own_namespace=False, **first) as a, holder(**second) as b, holder(**third) as c:
        processes = read_processes()
        seen = {process.pid: process for process in processes.seen}
        listed = [seen[one.pid] for one in (a, b, c) if one.tcp_close]
        assert [process.tcp_close for process in listed] == [
            one.tcp_close for one in (a, b, c) if one.tcp_close
        ]
        assert len({process.namespace for process in listed}) == len(listed)


def test_an_ordinary_user_sees_its_own_processes_and_the_number_denied():
    with ordinary_holder(**KINDS) as own, holder(**KINDS) as other:
        processes = read_processes(prefix=AS_ORDINARY)
        process = find_process(processes, own["pid"])
        assert (process.tcp_close, process.bound) == (own["tcp_close"], False)
        assert process.user == str(ORDINARY_UID)  # /etc/passwd has no name for it
        assert other.pid not in {one.pid for one in processes.seen}
        assert processes.denied >= 1


def pids_of(*, kernel: bool) -> set[int]:
    """The processes of this machine that are kernel threads, or those that are not."""
    found = set()
    for entry in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            if entry.name.isdigit():
                flags = int((entry / "stat").read_text().rpartition(")")[2].split()[6])
                if bool(flags & PF_KTHREAD) == kernel:
                    found.add(int(entry.name))
    return found


def test_kernel_threads_do_not_count_as_denied():
    kernel_threads = pids_of(kernel=True)
    assert len(kernel_threads) > 20
    for _ in range(20):  # other programs may start many in between, hardly in each try
        before = pids_of(kernel=False)
        denied = read_processes(prefix=AS_ORDINARY).denied
        others = before | pids_of(kernel=False)
        if denied < len(others) + 20:
            break
    assert 0 < denied < len(others) + 20


def test_a_process_has_its_container_and_a_process_of_the_host_none():
    with holder(idle=3) as one:
        assert find_process(read_processes(), one.pid).container is None
    # A control group with the name that docker gives; it does not matter in which hierarchy.
    name = f"docker-{'cd' * 32}.scope"
    root = Path("/sys/fs/cgroup")
    parent = root if (root / "cgroup.procs").exists() else root / "pids"
    group = parent / name
    with python_child(THREE_SOCKETS) as started:
        group.mkdir()
        try:
            (group / "cgroup.procs").write_text(str(started["pid"]))
            container = find_process(read_processes(), started["pid"]).container
            assert container == Container(runtime="docker", id="cd" * 32)
        finally:
            (parent / "cgroup.procs").write_text(str(started["pid"]))
            group.rmdir()

"""Which processes hold closed sockets, in cases that only root can set up."""

import json
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sockfleet.collector.probe.containers import Container
from tests.support.machine import namespaces
from tests.support.machine.namespaces import holder
from tests.support.machine.process_script import KINDS, THREE_SOCKETS, child, of, read

ORDINARY_UID = 61357
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
    with child(program, json.dumps(counts), user=ORDINARY_UID) as started:
        yield started


DRAWN = st.fixed_dictionaries({kind: st.integers(0, 12) for kind in KINDS})


@settings(max_examples=5, deadline=None)
@given(DRAWN, DRAWN, DRAWN)
def test_any_counts_in_three_namespaces(first, second, third):
    with holder(own_namespace=False, **first) as a, holder(**second) as b, holder(**third) as c:
        processes = read()
        seen = {process.pid: process for process in processes.seen}
        listed = [seen[one.pid] for one in (a, b, c) if one.tcp_close]
        assert [process.tcp_close for process in listed] == [
            one.tcp_close for one in (a, b, c) if one.tcp_close
        ]
        assert len({process.namespace for process in listed}) == len(listed)


def test_an_ordinary_user_sees_its_own_processes_and_the_number_denied():
    with ordinary_holder(**KINDS) as own, holder(**KINDS) as other:
        processes = read(prefix=AS_ORDINARY)
        process = of(processes, own["pid"])
        assert (process.tcp_close, process.bound) == (own["tcp_close"], False)
        assert process.user == str(ORDINARY_UID)  # /etc/passwd has no name for it
        assert other.pid not in {one.pid for one in processes.seen}
        assert processes.denied >= 1


def test_kernel_threads_do_not_count_as_denied():
    def is_kernel_thread(entry):
        return int((entry / "stat").read_text().rpartition(")")[2].split()[6]) & 0x200000

    others = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    kernel_threads = sum(map(bool, map(is_kernel_thread, others)))
    assert kernel_threads > 20
    denied = read(prefix=AS_ORDINARY).denied
    # Half of them for processes that begin meanwhile.
    assert 0 < denied < len(others) - kernel_threads / 2


def test_a_process_has_its_container_and_a_process_of_the_host_none():
    with holder(idle=3) as one:
        assert of(read(), one.pid).container is None
    # A control group with the name that docker gives; it does not matter in which hierarchy.
    name = f"docker-{'cd' * 32}.scope"
    root = Path("/sys/fs/cgroup")
    parent = root if (root / "cgroup.procs").exists() else root / "pids"
    group = parent / name
    with child(THREE_SOCKETS) as started:
        group.mkdir()
        try:
            (group / "cgroup.procs").write_text(str(started["pid"]))
            container = of(read(), started["pid"]).container
            assert container == Container(runtime="docker", id="cd" * 32)
        finally:
            (parent / "cgroup.procs").write_text(str(started["pid"]))
            group.rmdir()

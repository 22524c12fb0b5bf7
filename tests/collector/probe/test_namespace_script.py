"""tcp_close over real namespaces, which ss and exporters get wrong: exact without root."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockfleet.aggregator.host import summarize_host
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.namespace_script import MAX_NAMESPACES
from sockfleet.collector.probe.scope import Scope
from sockfleet.collector.probe.script import ProbeOptions, new_marker, probe_command
from sockfleet.inventory.models import Host
from tests.support.machine.namespaces import holder

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
ROOT, ORDINARY = [], NOBODY


def read(prefix=(), command=None):
    """The summary of this machine by the probe, with ``prefix`` before its command."""
    mark = new_marker()
    result = subprocess.run(
        [*prefix, "sh", "-c", command(mark) if command else probe_command(mark)],
        capture_output=True,
        check=True,
        cwd="/",
    )
    answer = parse_probe(result.stdout, mark, result.stderr)
    reading = HostReading(
        host=Host(name="here", address="here"),
        address="here",
        attempts=1,
        elapsed_s=0.0,
        sockstat=answer.sockstat,
        sockstat6=answer.sockstat6,
        kernel=answer.kernel,
        namespaces=answer.namespaces,
    )
    return summarize_host(reading)


def quiet(prefix=()):
    """A reading during which no socket of this machine changed."""
    for _ in range(200):
        summary = read(prefix)
        if summary.uncertainty == 0:
            return summary
    raise AssertionError("this machine is never quiet")


def read_all(prefix=(), command=None):
    """A reading of all namespaces; the last of many tries where none was.

    A namespace of another program may end, or a mount keep one, while this one is read.
    """
    for _ in range(50):
        summary = read(prefix, command)
        if summary.scope is Scope.ALL_NAMESPACES:
            break
    return summary


KINDS = {
    "idle": 40,
    "idle6": 9,
    "bound": 7,
    "reset": 11,
    "listening": 5,
    "listening6": 3,
    "connected": 13,
    "time_wait": 6,
    "udp": 8,
    "mptcp": 4,
}


@pytest.mark.as_root
@pytest.mark.alone
@pytest.mark.parametrize("prefix", [ROOT, ORDINARY], ids=["root", "ordinary user"])
def test_the_number_is_exact_over_three_namespaces(prefix):
    for _ in range(20):
        before = quiet(prefix)
        with ExitStack() as stack:
            holders = [
                stack.enter_context(holder(own_namespace=False, **KINDS)),
                stack.enter_context(holder(**{kind: 2 * n for kind, n in KINDS.items()})),
                stack.enter_context(holder(idle=250)),
            ]
            during = quiet(prefix)
            if during.scope is not Scope.ALL_NAMESPACES:
                continue  # another program's namespace ended meanwhile
            hold_each_namespace_to(during, holders[1:], can_read_links=not prefix)
        grown = during.tcp.tcp_close - before.tcp.tcp_close
        if grown == sum(one.tcp_close for one in holders):
            return
    raise AssertionError("twenty rounds, and none was exact")  # others may spoil some, not all


def hold_each_namespace_to(during, holders, *, can_read_links):
    by_pid = {one.pid: one for one in during.namespaces}
    for one in holders:
        namespace = by_pid[one.pid]
        assert namespace.command == Path(f"/proc/{one.pid}/comm").read_text().strip()
        assert namespace.inuse + namespace.inuse6 == one.inuse
        assert namespace.tcp_close_max >= one.tcp_close
        assert not namespace.host
        if can_read_links:
            link = Path(f"/proc/{one.pid}/ns/net").readlink()
            assert str(link) == f"net:[{namespace.netns}]"
    assert by_pid[holders[0].pid].tw == 2 * KINDS["time_wait"]
    # What ss -s and the exporters say is off by what the other namespaces have in use.
    wrong = during.tcp.alloc - during.tcp.inuse - during.tcp.inuse6
    in_use = sum(one.inuse + one.inuse6 for one in during.namespaces if not one.host)
    assert wrong - during.tcp.tcp_close == in_use >= holders[0].inuse


@pytest.mark.as_root
@pytest.mark.alone
def test_a_namespace_kept_only_by_a_mount_lowers_the_scope(tmp_path):
    kept = tmp_path / "kept"
    kept.touch()
    script = f"touch {kept}; mount --bind /proc/self/ns/net {kept}"
    subprocess.run(["unshare", "-n", "sh", "-c", script], check=True)
    try:
        for prefix in (ROOT, ORDINARY):
            summary = read(prefix)
            assert summary.scope is Scope.VISIBLE_NAMESPACES
            assert "mount" in " ".join(summary.scope_reasons)
    finally:
        subprocess.run(["umount", str(kept)], check=True)
    assert read_all().scope is Scope.ALL_NAMESPACES


def mounted_anew(options):
    """A prefix that gives the probe its own /proc, mounted with ``options``."""
    script = f'mount -t proc -o {options} proc /proc && exec $0 "$@"'
    return ["unshare", "-m", "sh", "-c", script]


@pytest.mark.as_root
@pytest.mark.parametrize("value", ["1", "2", "invisible", "ptraceable"])
def test_hidepid_lowers_the_scope_for_an_ordinary_user_only(value):
    prefix = mounted_anew(f"hidepid={value}")
    assert "hidepid" in " ".join(read([*prefix, *NOBODY]).scope_reasons)
    assert read([*prefix, *NOBODY]).scope is Scope.VISIBLE_NAMESPACES
    if value != "ptraceable":  # here even root may not trace every process
        assert not [r for r in read(prefix).scope_reasons if "hidepid" in r]


@pytest.mark.as_root
@pytest.mark.parametrize("who", [ROOT, ORDINARY], ids=["root", "ordinary user"])
def test_subset_pid_hides_no_namespace(who):
    """/proc/PID/net stays visible, so every namespace is read, the host's too."""
    with holder(connected=4, idle=5) as one:
        summary = read_all([*mounted_anew("subset=pid"), *who])
    assert summary.tcp.alloc is not None
    assert summary.kernel.tcp_mem is None
    assert one.pid in {namespace.pid for namespace in summary.namespaces}
    assert summary.scope is Scope.ALL_NAMESPACES


@pytest.mark.as_root
def test_another_pid_namespace_lowers_the_scope():
    summary = read(["unshare", "-p", "-f", "--mount-proc"])
    assert summary.scope is Scope.VISIBLE_NAMESPACES
    assert "container" in " ".join(summary.scope_reasons)


def test_without_the_namespaces_the_scope_is_the_host_s():
    summary = read(command=lambda mark: probe_command(mark, ProbeOptions(namespaces=False)))
    assert summary.scope is Scope.HOST_NAMESPACE
    assert summary.namespaces is None
    assert summary.uncertainty is None


@pytest.mark.parametrize("absent", ["awk", "xargs", "ls"])
def test_without_awk_the_scope_is_the_host_s(tmp_path, absent):
    for tool in {"sh", "head", "ls", "xargs", "awk"} - {absent}:
        (tmp_path / tool).symlink_to(shutil.which(tool))
    summary = read(["env", f"PATH={tmp_path}"])
    assert summary.scope is Scope.HOST_NAMESPACE
    assert summary.namespaces is None
    [why] = summary.scope_reasons
    assert why.startswith("the network namespaces could not be read: ")
    assert f"{absent}: not found" in why or f"xargs: {absent}: No such file" in why


def test_a_kernel_without_the_link_of_the_pid_namespace_is_no_container():
    """As kernels before 3.8 and those without CONFIG_PID_NS: here the link has another name."""
    summary = read_all(command=lambda mark: probe_command(mark).replace("/ns/pid", "/ns/absent"))
    assert "container" not in " ".join(summary.scope_reasons)
    assert summary.scope is Scope.ALL_NAMESPACES


def test_a_kernel_without_proc_self_net_has_one_namespace():
    """As 2.6.18: /proc/net is a directory, and no process has a net of its own."""

    def of_2_6_18(mark):
        command = probe_command(mark).replace("/proc/self/net/", "/proc/self/absent/")
        return command.replace("/proc/[0-9]*/net/", "/proc/[0-9]*/absent/")

    summary = read(command=of_2_6_18)
    assert summary.scope is Scope.ALL_NAMESPACES
    assert summary.scope_reasons == ()
    assert summary.namespaces is None
    assert summary.uncertainty is None


@pytest.mark.as_root
@pytest.mark.parametrize("awk", ["mawk", "gawk", "original-awk", "busybox awk"])
def test_every_awk_prints_the_same(awk, tmp_path):
    program = tmp_path / "awk"
    program.write_text(f'#!/bin/sh\nexec {awk} "$@"\n')
    program.chmod(0o755)
    with holder(connected=3, idle=5) as one:
        summary = read(["env", f"PATH={tmp_path}:{os.environ['PATH']}"])
        (namespace,) = [n for n in summary.namespaces if n.pid == one.pid]
        assert (namespace.inuse, namespace.inuse6) == (one.inuse, 0)


@pytest.mark.as_root
@pytest.mark.alone
def test_the_number_of_forks_is_constant(tmp_path):
    """With more processes than an argument list can name, and hundreds of namespaces."""
    processes, namespaces = 3000, MAX_NAMESPACES + 50
    script = f"""
import os, sys, ctypes
libc = ctypes.CDLL(None, use_errno=True)
children = []
for number in range({processes}):
    pid = os.fork()
    if pid == 0:
        if number < {namespaces}:
            assert libc.unshare(0x40000000) == 0
        os.write(1, b".")
        sys.stdin.read()
        os._exit(0)
    children.append(pid)
sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        ready = 0
        while ready < processes:
            got = len(os.read(child.stdout.fileno(), 65536))
            assert got
            ready += got
        # A limit of 128 KiB for arguments and environment would break a plain glob.
        summary = read_all(["sh", "-c", 'ulimit -s 512; exec "$0" "$@"'])
        assert len(summary.namespaces) == MAX_NAMESPACES
        assert summary.namespaces[0].host
        assert summary.namespaces_rest.namespaces >= 51
        assert summary.scope is Scope.ALL_NAMESPACES
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()

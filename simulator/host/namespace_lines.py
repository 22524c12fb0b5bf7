"""A simulated host's network namespaces, as the namespace part of the probe prints them.

The form is that of `collector.probe.namespace_script`; tests/simulator/host/test_answer.py compares
it with the output of the real script. The login is an ordinary user's, which cannot read the
namespaces' own numbers (``net:[…]``).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from .contents import Contents, NamespaceSockets
from .proc_files import tcp_line

__all__ = ["counter_lines", "namespace_lines", "sockets_by_process"]

_HOST_INODE = 4026531913
_CONTAINER_INODE = 4026532240
_INITIAL_PID_NAMESPACE = 4026531836  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_PROGRAMS = ("nginx", "redis-server", "node", "java", "postgres", "python3", "envoy")


def namespace_lines(contents: Contents) -> bytes:
    """The output of the namespace part for the host."""
    namespaces = list(_number_namespaces(contents))
    rows = [f"own {_HOST_INODE}", "denied 0"]
    for inode, pid, sockets in namespaces:
        rows += [f"namespace {inode} {pid}", *counter_lines(contents, sockets)]
        # /proc/PID/net/protocols counts hashed sockets; a socket in TCP_CLOSE is not hashed.
        rows += [f"protocols {sockets.used - sockets.tcp_close}"]
        rows += _process_lines(contents, pid)
    for inode, _, sockets in namespaces:
        rows += [f"again {inode}", *_tcp_lines(contents, sockets)]
    rows.append("procfs 23 29 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw")
    rows.append("uid Uid:\t1001\t1001\t1001\t1001")
    link = "lrwxrwxrwx 1 root root 0 Nov 22 11:00"
    rows += [f"{link} /proc/{pid}/ns/net" for _, pid, _ in namespaces]
    rows.append(f"{link} /proc/self/ns/pid -> pid:[{_INITIAL_PID_NAMESPACE}]")
    return "".join(f"{row}\n" for row in rows).encode()


def counter_lines(contents: Contents, sockets: NamespaceSockets) -> list[str]:
    """The lines ``sockets``, ``TCP`` and ``TCP6`` of one namespace's files."""
    return [f"sockets: used {sockets.used}", *_tcp_lines(contents, sockets)]


def sockets_by_process(contents: Contents) -> dict[int, NamespaceSockets]:
    """Each namespace's sockets, by the process whose files show it."""
    return {pid: sockets for _, pid, sockets in _number_namespaces(contents)}


def _number_namespaces(contents: Contents) -> Iterator[tuple[int, int, NamespaceSockets]]:
    """Yield the inode of each namespace's sockstat, its oldest process, and its sockets."""
    yield _HOST_INODE, 1, contents.host
    for number, sockets in enumerate(contents.containers):
        yield _CONTAINER_INODE + 137 * number, 2048 + 311 * number, sockets


def _tcp_lines(contents: Contents, sockets: NamespaceSockets) -> list[str]:
    row = tcp_line(contents, sockets)
    return [row, f"TCP6: inuse {sockets.inuse6}"] if contents.ipv6 else [row]


def _process_lines(contents: Contents, pid: int) -> list[str]:
    if pid == 1:
        return ["comm systemd", "cgroup 0::/init.scope"]
    container = sha256(f"{contents.kernel.boot_id}/{pid}".encode()).hexdigest()
    return [
        f"comm {_PROGRAMS[pid % len(_PROGRAMS)]}",
        f"cgroup 0::/system.slice/docker-{container}.scope",
    ]

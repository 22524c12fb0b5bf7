"""Real network namespaces with known numbers of TCP sockets in each state.

``holder`` runs this file as a child in a new network namespace, or in the host's. The child opens
the sockets, prints their counts, and holds them until its standard input ends, which is at the
latest when the test process ends.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Holder", "holder"]


class Holder:
    """A running child and the counts of its sockets."""

    def __init__(self, process: subprocess.Popen[str], counts: dict[str, int]) -> None:
        self.process = process
        self.pid: int = counts["pid"]
        self.tcp_close: int = counts["tcp_close"]
        self.inuse: int = counts["inuse"]


@contextmanager
def holder(*, own_namespace: bool = True, **counts: int) -> Iterator[Holder]:
    """Run a child that holds ``counts`` sockets of each of `_KINDS`; a new namespace needs root."""
    words = [sys.executable, "-IS", __file__, json.dumps(counts)]  # -S: no look at site-packages
    if own_namespace:
        words = ["unshare", "-n", *words]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"{words} ended with {process.wait()}"
        yield Holder(process, json.loads(line))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _idle(family: int = socket.AF_INET) -> list[socket.socket]:
    return [socket.socket(family, socket.SOCK_STREAM)]


def _bound() -> list[socket.socket]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return [sock]


def _listening(family: int = socket.AF_INET) -> list[socket.socket]:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    sock.listen(8)
    return [sock]


def _pair() -> tuple[socket.socket, socket.socket, socket.socket]:
    (server,) = _listening()
    client = socket.create_connection(server.getsockname())
    return server, client, server.accept()[0]


def _connected() -> list[socket.socket]:
    server, client, accepted = _pair()
    server.close()
    return [client, accepted]


def _reset() -> list[socket.socket]:
    """Return a socket whose peer reset the connection: closed by the kernel, still open here."""
    server, client, accepted = _pair()
    server.close()
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()
    try:
        client.recv(1)
    except ConnectionResetError:
        return [client]
    raise AssertionError("no reset came")


def _time_wait() -> list[socket.socket]:
    server, client, accepted = _pair()
    server.close()
    client.close()
    accepted.recv(1)
    accepted.close()
    return []


def _udp() -> list[socket.socket]:
    return [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]


def _mptcp() -> list[socket.socket]:
    return [socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)]  # IPPROTO_MPTCP


# For each kind: how to open one, its sockets in TCP_CLOSE, and its sockets that are in use.
_KINDS = {
    "idle": (_idle, 1, 0),
    "idle6": (lambda: _idle(socket.AF_INET6), 1, 0),
    "bound": (_bound, 1, 0),
    "reset": (_reset, 1, 0),
    "listening": (_listening, 0, 1),
    "listening6": (lambda: _listening(socket.AF_INET6), 0, 1),
    "connected": (_connected, 0, 2),
    "time_wait": (_time_wait, 0, 0),
    "udp": (_udp, 0, 0),
    "mptcp": (_mptcp, 0, 0),
}


def _set_loopback_up() -> None:
    """Set up loopback, which is down in a new namespace: SIOCSIFFLAGS, as ``ip link set lo up``."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))


def _main() -> None:
    counts: dict[str, int] = json.loads(sys.argv[1])
    if os.geteuid() == 0:
        _set_loopback_up()
    sockets = []
    tcp_close = inuse = 0
    for kind, count in counts.items():
        make, closed, used = _KINDS[kind]
        sockets += [make() for _ in range(count)]
        tcp_close += closed * count
        inuse += used * count
    print(json.dumps({"pid": os.getpid(), "tcp_close": tcp_close, "inuse": inuse}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _main()
